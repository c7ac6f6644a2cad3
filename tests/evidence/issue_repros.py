"""Reports of users that are rounding or overflow, run through the ways of their setting; the others, by name."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch

from mlparity.engine.mil.program import Program
from mlparity.engine.placement.ways import every_chip, ways_of
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from tests.engine.runtime.programs import op, program, tensor

CSV = Path(__file__).with_name("issue_repros.csv")


class Result(StrEnum):
    """What became of a report; `not run` is in scope, and what it needs is not published or not here."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    NOT_RUN = "not run"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row: its result, and what the ways gave or why nothing was run."""

    row: Mapping[str, str]
    result: Result
    shown: str


Values = list[float]


def run_ways(written: Program, x: np.ndarray, unit: str) -> dict[str, Values]:
    """Return the output of every way of a setting for one input, by the way's name."""
    found = {}
    for way in ways_of(written.functions["main"], unit, every_chip(), fast=True):
        plan = bind(written, way.choice.profile, profiles=way.choice.profiles)
        with torch.no_grad():
            (y,) = run_plan(plan, {"x": torch.from_numpy(x.astype(np.float16).astype(np.float32))}).values()
        assert isinstance(y, torch.Tensor)
        found[way.name] = y.reshape(-1).tolist()
    return found


def _softplus() -> tuple[bool, str]:
    """0 for every x above 10.4 and x itself below, in one of the ways."""
    x = np.array([8.0, 9.0, 10.0, 10.4, 10.5, 11.0, 12.0, 15.0, 20.0, 50.0], np.float32)
    written = program((tensor("x", "fp16", 10),), (op("softplus", tensor("y", "fp16", 10), x="%x"),), ("y",))
    ways = run_ways(written, x, "ALL")
    alike = [name for name, y in ways.items() if not any(y[4:]) and np.allclose(y[:3], x[:3], atol=1e-2)]
    return bool(alike), f"0 above 10.4 in {len(alike)} of {len(ways)} ways"


def _log_sum_exp() -> tuple[bool, str]:
    """A fall to 0 at the point 7.6313 of the sweep, in one of the ways."""
    grid = np.linspace(-15, 15, 2000, dtype=np.float32)
    reduce = op("reduce_log_sum_exp", tensor("y", "fp16", 2000), x="%x", axes=np.int32([1]), keep_dims=False)
    written = program((tensor("x", "fp16", 2000, 32),), (reduce,), ("y",))
    ways = run_ways(written, np.repeat(grid[:, None], 32, 1), "CPU_AND_NE")
    cliffs = {name: float(grid[np.argmax(drop) + 1]) for name, y in ways.items() if (drop := np.diff(y) < -1).any()}
    return any(abs(cliff - 7.6313) < 1e-4 for cliff in cliffs.values()), f"cliffs: {cliffs if cliffs else 'none'}"


def _log_cumsum_exp() -> tuple[bool, str]:
    """Finite up to 10 and not from 12 on, in one of the ways: the threshold of 11.09 lies between."""
    x = np.array([1, 5, 10, 12, 15, 20, 50], np.float32)
    ops = (
        op("exp", tensor("e", "fp16", 7), x="%x"),
        op("cumsum", tensor("s", "fp16", 7), x="%e", axis=0),
        op("log", tensor("y", "fp16", 7), x="%s", epsilon=np.float32(1e-45)),
    )
    ways = run_ways(program((tensor("x", "fp16", 7),), ops, ("y",)), x, "CPU_AND_NE")
    alike = [y for y in ways.values() if [math.isfinite(each) for each in y] == [True] * 3 + [False] * 4]
    return bool(alike), f"finite up to 10 and not from 12 on in {len(alike)} of {len(ways)} ways"


REPROS: Mapping[str, Callable[[], tuple[bool, str]]] = {
    "2687.minimal": _softplus,
    "2690.cliff": _log_sum_exp,
    "2729.logcumsumexp": _log_cumsum_exp,
}
"""What can be run from the report alone: whether it comes out, and how."""

NOT_RUN: Mapping[str, str] = {
    "2625.rn.all": "the script is not published: whether the seeds are of the weights or of the inputs is not said",
    "51.mnv2": "the script is a file on the author's machine: neither weights nor inputs are said",
    "2618.s3.5": "the report shows the network, and is cut off before the weights that scale 3.5 belongs to",
    "2359.linear0.gpu": "trained weights of KataGo, from a server that is out of reach here, or weights without a seed",
    "2068.gridsample": "the inputs are files that are not published",
}

OUT_OF_SCOPE: Mapping[str, str] = {
    "2650.sdpa": "a bug of the GPU's fused attention for batches of ten or more",
    "1671.conv": "a network of the older kind (neuralnetwork), and no number",
    "2515.convpad": "a bug of padding in one version of the framework",
    "2281.convT": "a bug of lowering a transposed convolution",
    "1051.instnorm": "a bug of a converter of the older kind (neuralnetwork)",
    "2821.rmsnorm": "a rule of the converter, in fp32",
    "1023.cpu": "a network of the older kind (neuralnetwork)",
    "863.cpu": "a network of the older kind (neuralnetwork)",
}


def outcomes(path: Path) -> Iterator[Outcome]:
    """Yield the outcome of each row of a table of the form of `issue_repros.csv`."""
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield _outcome(row)


def _outcome(row: Mapping[str, str]) -> Outcome:
    name = row["id"]
    if name in REPROS:
        comes_out, shown = REPROS[name]()
        return Outcome(row, Result.INSIDE if comes_out else Result.OUTSIDE, shown)
    if name in OUT_OF_SCOPE:
        return Outcome(row, Result.OUT_OF_SCOPE, OUT_OF_SCOPE[name])
    return Outcome(row, Result.NOT_RUN, NOT_RUN.get(name, "no reproduction is written for this id"))
