"""The peak rates of each processor, by chip, as others measured them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mlparity.engine.placement.costs import Cost


@dataclass(frozen=True, slots=True)
class Roof:
    """The peak rates of one processor of one chip, and what a call of it costs in microseconds."""

    gflops: float
    gbps: float
    dispatch_us: float
    confidence: str
    evidence: str

    def seconds(self, costs: Sequence[Cost]) -> float:
        """Return the least time for these ops, one after the other: each by the slower of its two rates."""
        return sum(max(cost.flops / (self.gflops * 1e9), cost.bytes / (self.gbps * 1e9)) for cost in costs)


@cache
def throughput() -> Mapping[str, Mapping[str, Roof]]:
    """Return the table by chip, then by processor ("cpu", "gpu", "ane")."""
    table: dict[str, dict[str, Roof]] = {}
    with files(__package__).joinpath("throughput.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            gflops, gbps, dispatch_us = (float(row[name]) for name in ("gflops", "gbps", "dispatch_us"))
            roof = Roof(gflops, gbps, dispatch_us, row["confidence"], row["evidence"])
            table.setdefault(row["chip"], {})[row["processor"]] = roof
    return table
