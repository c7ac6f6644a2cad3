"""How fast a function is on a set of compute units, as a roofline estimates it: good for an order, not for a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlparity.engine.mil.program import Function
from mlparity.engine.placement.costs import Cost, costs_of
from mlparity.engine.placement.placements import placements_of
from mlparity.engine.placement.throughput import Roof, throughput

GENERATION_OF: Mapping[str, str] = {"M4 Max": "M4", "M5": "M5"}
"""The chips of the throughput table, and the generation of their engine."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one prediction does in all."""

    flops: float
    bytes: float


def work_of(function: Function) -> Work | None:
    """Return the sum of all costs, None where a shape is not known."""
    costs = costs_of(function)
    return None if costs is None else Work(sum(cost.flops for cost in costs), sum(cost.bytes for cost in costs))


def roofline(function: Function, unit: str, chip: str) -> float | None:
    """Return the estimated seconds of one prediction on Core ML's `unit`, None where a shape is not known.

    Of the ways that `unit` allows the fastest counts: everything on the CPU, everything on the GPU, or one of the
    likely placements on the engine with the rest on the CPU. A segment on another processor costs one dispatch.
    """
    costs = costs_of(function)
    on_cpu = costs_of(function, widened=function.is_untyped)
    if costs is None or on_cpu is None:
        return None
    roofs = throughput()[chip]
    ways = [roofs["cpu"].seconds(on_cpu)]
    if unit in ("CPU_AND_GPU", "ALL"):
        ways.append(roofs["gpu"].seconds(costs) + roofs["gpu"].dispatch_us * 1e-6)
    if unit in ("CPU_AND_NE", "ALL"):
        ways += _on_engine(function, costs, roofs, GENERATION_OF[chip])
    return min(ways)


def _on_engine(function: Function, costs: Sequence[Cost], roofs: Mapping[str, Roof], generation: str) -> list[float]:
    ways = []
    for placement in placements_of(function, generation):
        here = [cost.op.outputs[0].name in placement.on_engine for cost in costs]
        engine = [cost for cost, is_here in zip(costs, here, strict=True) if is_here]
        others = [cost for cost, is_here in zip(costs, here, strict=True) if not is_here]
        segments = sum(is_here and not before for is_here, before in zip(here, [False, *here], strict=False))
        seconds = roofs["ane"].seconds(engine) + roofs["cpu"].seconds(others)
        ways.append(seconds + segments * roofs["ane"].dispatch_us * 1e-6)
    return ways
