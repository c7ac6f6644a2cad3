"""Whether a segment of ops is worth a call of the Neural Engine: what the engine saves against what a call costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlparity.engine.mil.program import Function, Name, Op
from mlparity.engine.placement.costs import Cost, costs_of
from mlparity.engine.placement.known import Known, bytes_of
from mlparity.engine.placement.throughput import Roof, throughput

CPU = Roof(
    900,
    60,
    0,
    "measured: nine estimates of Core ML's own plan, met within a factor of 1.5 but for two of 2.6",
    "FluidInference/mobius@b59611e0 models/tts/magpie/coreml/per_module/results: estimated_cpu_runtime_ms, M2",
)
"""What Core ML's plan expects of a CPU; no other chip's estimates are published, so it stands for all (assumed)."""

OP_US = 3.0
"""What the plan expects an op to take on the CPU besides, in microseconds. Source: as `CPU`."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What segments of one function save on the engine; `costs` by an op's first output, None where one is unknown."""

    function: Function
    known: Known
    costs: Mapping[str, Cost] | None
    readers: Mapping[str, frozenset[str]]

    def saved_us(self, segment: Sequence[Op]) -> float | None:
        """Return the microseconds that the engine saves, a call apart; None where a shape is not known.

        The engine reads what enters and writes what leaves; what stays within the segment costs it no memory.
        """
        if self.costs is None:
            return None
        inside = {op.outputs[0].name for op in segment}
        costs = [self.costs[name] for name in inside if name in self.costs]
        engine = throughput()["M4 Max"]["ane"]
        on_engine = self._edges(segment, inside) / (engine.gbps * 1e9)
        on_engine += sum(cost.flops for cost in costs) / (engine.gflops * 1e9)
        return (CPU.seconds(costs) - on_engine) * 1e6 + OP_US * len(costs)

    def _edges(self, segment: Sequence[Op], inside: set[str]) -> float:
        made = {output.name for op in segment for output in op.outputs}
        given = [each.name for op in segment for many in op.inputs.values() for each in many if isinstance(each, Name)]
        entering = {name for name in given if name not in made and name not in self.known.constants}
        leaving = {name for name in made if self.readers.get(name, frozenset()) - inside}
        return sum(bytes_of(self.known.types.get(name)) or 0.0 for name in entering | leaving)


def worth_of(function: Function, known: Known) -> Worth:
    """Return what is needed to weigh segments of a function."""
    costs = costs_of(function)
    by_name = None if costs is None else {cost.op.outputs[0].name: cost for cost in costs}
    readers: dict[str, set[str]] = {name: {_CALLER} for name in function.body.outputs}
    for op in function.walk():
        for argument in (each for many in op.inputs.values() for each in many if isinstance(each, Name)):
            readers.setdefault(argument.name, set()).add(op.outputs[0].name if op.outputs else _CALLER)
    return Worth(function, known, by_name, {name: frozenset(them) for name, them in readers.items()})


_CALLER = ""
"""Stands for what is outside of the function, among the readers of a value."""
