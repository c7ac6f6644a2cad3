"""Why one artifact differs from its source, and at which ops: the rungs between them are run, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mlparity.core.numbers import format_number
from mlparity.core.trace import SourceTrace
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.divergence import Divergence, first_divergences
from mlparity.diagnose.locate import Location, Suspect, locate
from mlparity.diagnose.origins import origins_of
from mlparity.diagnose.preprocessing import VANISHED, changed_input, find_suspect
from mlparity.diagnose.rounded_weights import moved_by_rounding, rounding_shares
from mlparity.diagnose.substitution import values_of
from mlparity.diagnose.weights import infinite_constants, reads_compressed
from mlparity.engine.mil.program import NamedType, Op, TensorType
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan
from mlparity.record.causes import Cause, CauseKind, LocatedOp

AGREES = 2e-6
"""The distance that counts as agreement: what fp32 explains, of the output's scale (assumed; see `ladder`)."""

KEPT = 5
"""How many ops a cause names."""


@dataclass(frozen=True, slots=True, eq=False)
class Rungs:
    """What is needed to explain one artifact on one sample; outputs go by the graph's names.

    `numerics` and `exact` are plans of the artifact without kernels. `expected` are the source's outputs, `floor` the
    distance that its own rounding explains. The functions run the source again, and return None where they cannot:
    traced in fp64, in training mode, with its weights rounded to fp16.
    """

    numerics: Plan
    exact: Plan
    inputs: Tensors
    expected: Tensors
    floor: float
    trace: Callable[[], SourceTrace | None]
    in_training_mode: Callable[[], Tensors | None]
    with_fp16_weights: Callable[[], Tensors | None]

    def run(self, plan: Plan, inputs: Tensors) -> Tensors:
        """Return a plan's outputs that are tensors."""
        width = plan.profile.compute
        held = {name: each.to(width) if each.is_floating_point() else each for name, each in inputs.items()}
        with torch.no_grad():
            found = run_plan(plan, held)
        return {name: each for name, each in found.items() if isinstance(each, Tensor)}

    def in_width(self, plan: Plan) -> Tensors:
        """Return the inputs in the storage dtype of a plan."""
        width = plan.profile.compute
        return {name: each.to(width) if each.is_floating_point() else each for name, each in self.inputs.items()}


def explain(rungs: Rungs) -> Cause:
    """Return the cause of the larger of two differences: of the numerics, or of the graph in exact arithmetic."""
    exact = rungs.run(rungs.exact, rungs.inputs)
    in_numerics = rungs.run(rungs.numerics, rungs.inputs)
    whole, graph = distance(in_numerics, rungs.expected), distance(exact, rungs.expected)
    if whole <= max(AGREES, rungs.floor):
        empty = [name for name, each in rungs.expected.items() if not each.numel()]
        if empty or not rungs.expected:
            return Cause(CauseKind.UNKNOWN, f"Not all can be compared: {', '.join(empty) or 'every output'} is empty.")
        return Cause(CauseKind.NONE, f"The artifact agrees with the source ({_of_scale(whole)}).")
    if graph <= max(AGREES, rungs.floor) or distance(in_numerics, exact) > graph:
        return _of_numerics(rungs, exact, whole)
    return _of_graph(rungs, exact, graph)


def _of_numerics(rungs: Rungs, exact: Tensors, whole: float) -> Cause:
    found = locate(rungs.numerics, rungs.exact, [(rungs.in_width(rungs.numerics), exact)])
    known = origins(rungs, [each.place for each in found.suspects[:KEPT]])
    ops = tuple(_located(each, known.get(each.place, "")) for each in found.suspects[:KEPT])
    shown = _of_scale(whole)
    if found.chain:
        first = found.suspects[0]
        return Cause(
            CauseKind.OVERFLOW,
            f"{_named(first.op)} overflows: its exact result reaches {format_number(first.peak)}, and {first.lost} of"
            f" its elements come out infinite or NaN ({shown}).",
            ops,
        )
    return Cause(CauseKind.PRECISION, f"The arithmetic makes the difference ({shown}); {_leading(found)}.", ops)


def origins(rungs: Rungs, places: Sequence[int]) -> dict[int, str]:
    """Return the source's op, module and line for those of the steps that have one; none without a trace."""
    trace = rungs.trace()
    if trace is None:
        return {}
    values = values_of(rungs.exact, rungs.in_width(rungs.exact))
    return {place: str(origin) for place, origin in origins_of(rungs.exact, values, trace, places).items()}


def _leading(found: Location) -> str:
    if not found.suspects:
        return "no op carries it"
    first = found.suspects[0]
    if found.first_order:
        share = first.share if first.share is not None else 0.0
        return f"{_named(first.op)} carries {share:.0%} of it, all ops together {found.explained:.0%} to first order"
    gone = first.removed if first.removed is not None else 0.0
    return f"to first order it is not explained; with {_named(first.op)} exact, {gone:.0%} of it goes away"


def _of_graph(rungs: Rungs, exact: Tensors, graph: float) -> Cause:
    for look in (_infinite_weights, _training, _fp16_weights, _rounded_constants, _preprocessing):
        cause = look(rungs, exact, graph)
        if cause is not None:
            return cause
    return _diverging(rungs, graph)


def _infinite_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """A constant that fp16 cannot hold: with the largest finite number in its place, (most of) the difference goes."""
    del exact
    steps = infinite_constants(rungs.exact)
    if not steps:
        return None
    most = torch.finfo(torch.float16).max
    finite = tuple(
        each.clamp(-most, most) if isinstance(each, Tensor) and each.is_floating_point() else each
        for each in rungs.exact.initial
    )
    gone = removed(graph, distance(rungs.run(replace(rungs.exact, initial=finite), rungs.inputs), rungs.expected))
    if gone < _MOST:
        return None
    ops = tuple(_op(step.op, None, gone, "a constant is infinite") for step in steps[:KEPT])
    text = f"{_named(steps[0].op)} reads a constant that is infinite in fp16; {gone:.0%} of the difference"
    return Cause(CauseKind.OVERFLOW, f"{text} ({_of_scale(graph)}) goes away with the largest fp16 number.", ops)


_MOST = 0.5


def _training(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    trained = rungs.in_training_mode()
    if trained is None or removed(graph, distance(exact, trained)) < VANISHED:
        return None
    return Cause(
        CauseKind.TRAINING_MODE,
        "The artifact was converted from a module in training mode: the source in training mode (batch norm with each"
        f" batch's own statistics) gives what the artifact gives, in eval mode it differs ({_of_scale(graph)}).",
    )


def _preprocessing(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    del exact
    suspect = find_suspect(lambda inputs: rungs.run(rungs.exact, inputs), rungs.in_width(rungs.exact), rungs.expected)
    if suspect is None:
        return None
    return Cause(
        CauseKind.PREPROCESSING,
        f"{suspect.name}: with that changed {suspect.removed:.1%} of the difference ({_of_scale(graph)}) goes away.",
    )


def _fp16_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    rounded = rungs.with_fp16_weights()
    if rounded is None or removed(graph, distance(exact, rounded)) < _MOST:
        return None
    return Cause(
        CauseKind.PRECISION,
        "The weights make the difference: the source gives nearly the same as the artifact with its weights, and the"
        f" numbers in its code, rounded to fp16 ({_of_scale(graph)}).",
        _rounded_ops(rungs),
    )


def _rounded_constants(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """Weights that were changed before they were rounded, as by a folded norm: what their rounding may do is drawn."""
    if not any(isinstance(t := each.type, TensorType) and t.dtype == "fp16" for each in _results(rungs.exact)):
        return None
    drawn = [distance(rungs.run(moved_by_rounding(rungs.exact, seed), rungs.inputs), exact) for seed in range(_DRAWS)]
    if not graph <= _WITHIN * max(drawn):
        return None
    return Cause(
        CauseKind.PRECISION,
        f"The weights' rounding to fp16 makes the difference ({_of_scale(graph)}): {_DRAWS} random roundings of all"
        f" constants make {format_number(min(drawn))} to {format_number(max(drawn))}.",
        _rounded_ops(rungs),
    )


def _rounded_ops(rungs: Rungs) -> tuple[LocatedOp, ...]:
    """Return the ops whose constants' rounding may do most, with their part of the expected square."""
    shares = rounding_shares(rungs.exact, rungs.in_width(rungs.exact), rungs.expected)
    leading = sorted(shares, key=lambda place: shares[place], reverse=True)[:KEPT]
    known = origins(rungs, leading)
    steps = rungs.exact.steps
    return tuple(_op(steps[each].op, shares[each], None, "by its constants", known.get(each, "")) for each in leading)


_DRAWS = 4
_WITHIN = 2.0
"""How many times the largest of the drawn differences the observed one may be (assumed)."""


def _results(plan: Plan) -> Iterator[NamedType]:
    return (each for op in plan.function.body.ops for each in op.outputs)


def _divergences(rungs: Rungs) -> tuple[Divergence, ...]:
    trace = rungs.trace()
    return () if trace is None else first_divergences(rungs.exact, rungs.in_width(rungs.exact), trace, rungs.expected)


def _diverging(rungs: Rungs, graph: float) -> Cause:
    found = _divergences(rungs)
    gone = math.fsum(each.removed or 0.0 for each in found)
    if not found:
        return Cause(
            CauseKind.UNKNOWN, f"The graph differs from the source ({_of_scale(graph)}), at no op that aligns."
        )
    ops = _diverging_ops(found)
    first = found[0]
    where = f"{_named(first.ops[-1])}, the source's {first.origin}," if first.origin else _named(first.ops[-1])
    if gone < _MOST:
        text = f"The graph differs from the source ({_of_scale(graph)}), first perhaps at {where}"
        return Cause(CauseKind.UNKNOWN, f"{text} but no value confirms it.", ops)
    if any(reads_compressed(rungs.exact, op) for each in found for op in each.ops):
        text = f"Compressed weights make the difference ({_of_scale(graph)}): at {where}"
        return Cause(CauseKind.PRECISION, f"{text} {first.removed:.0%} of it begins.", ops)
    changed = changed_input(rungs.exact, first.ops)
    if changed is not None:
        text = (
            f"input {changed}: {_named(first.ops[0])} changes it before the network, and the source has nothing like it"
        )
        return Cause(CauseKind.PREPROCESSING, f"{text}: {first.removed:.0%} of the difference begins there.", ops)
    text = f"The converted graph computes something else than its source ({_of_scale(graph)}): it begins at {where}"
    return Cause(CauseKind.CONVERTER, f"{text} and with the source's values there {gone:.0%} goes away.", ops)


def _diverging_ops(found: Sequence[Divergence]) -> tuple[LocatedOp, ...]:
    """Return of each place its last and its first op, the places in turn; then those between."""
    ends = [(each, op) for each in found for op in dict.fromkeys((each.ops[-1], each.ops[0]))]
    inner = [(each, op) for each in found for op in each.ops[1:-1]]
    return tuple(_op(op, None, each.removed, "", str(each.origin or "")) for each, op in [*ends, *inner][:KEPT])


def _located(suspect: Suspect, origin: str) -> LocatedOp:
    note = f"{suspect.lost} elements overflow, up to {format_number(suspect.peak)}" if suspect.lost else ""
    return _op(suspect.op, suspect.share, suspect.removed, note, origin)


def _op(op: Op, share: float | None, gone: float | None, note: str, origin: str = "") -> LocatedOp:
    output = op.outputs[0].name if op.outputs else op.location
    return LocatedOp(op.type, op.location, output, origin, share, gone, note)


def _named(op: Op) -> str:
    return f"{op.type} {op.location!r}"


def _of_scale(value: float) -> str:
    return f"{format_number(value)} of the outputs' scale" if math.isfinite(value) else "NaN or infinite"
