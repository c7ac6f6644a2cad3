"""Why one artifact differs from its source, and at which ops: the rungs between them are run, one after the other."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial, reduce

import torch

from mlparity.core.budget import is_left_out, may_be_left
from mlparity.core.change import Change
from mlparity.core.numbers import format_number
from mlparity.core.trace import FirstOps, SourceTrace
from mlparity.diagnose.beside import (
    Mend,
    are_clear,
    beside,
    input_and_change,
    is_seen,
    likely_changes,
    likely_inputs,
    suspect_cause,
    with_rest,
)
from mlparity.diagnose.beside_weights import beside_weights
from mlparity.diagnose.by_changes import Sides, Tried, Tries, found_by_changes, listed, missing_layers, weights_held
from mlparity.diagnose.by_compression import of_compression, without_compression
from mlparity.diagnose.by_constants import compressed_weights, fp16_weights, infinite_weights, rounded_constants
from mlparity.diagnose.compressed_weights import expanding
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.divergence import Divergence, first_divergences, first_ops
from mlparity.diagnose.fast_path import fast_path
from mlparity.diagnose.image_inputs import cause_of_image, image_fault
from mlparity.diagnose.input_ops import undone_ops
from mlparity.diagnose.locate import Location, Suspect, locate
from mlparity.diagnose.other_weights import Weights
from mlparity.diagnose.parts import CARRIERS, IN_GRAPH, SEARCH
from mlparity.diagnose.placed_weights import weight_for
from mlparity.diagnose.plan_trace import graph_of
from mlparity.diagnose.preprocessing import VANISHED, ChangedInputs, SuspectInput, changed_input, search_inputs
from mlparity.diagnose.rungs import AGREES, KEPT, Rungs, cause_of, located_op, op_text, origins
from mlparity.record.causes import Cause, CauseKind, LocatedOp, Observation


def explain(rungs: Rungs) -> Cause:
    """Return the first of the causes that `explain_all` finds."""
    return explain_all(rungs)[0]


def explain_all(rungs: Rungs) -> tuple[Cause, ...]:
    """Return the causes of the larger of two differences: of the numerics, or of the graph in exact arithmetic.

    Where PyTorch computes the source in two ways, and the artifact has not the values of the one that the source took,
    that is a cause, and what is left is explained against the other.
    """
    if not rungs.fast_layers:
        return _explained(rungs)
    found = rungs.run(rungs.exact, rungs.inputs)
    plain = rungs.by_parts()
    fast = None if plain is None else fast_path(found, rungs.expected, plain, rungs.floor, rungs.fast_layers)
    if fast is None or plain is None:
        return _explained(rungs)
    rest = _explained(replace(rungs, expected=plain))
    return (*(cause for cause in rest if cause.kind is not CauseKind.NONE), fast)


def _explained(rungs: Rungs) -> tuple[Cause, ...]:
    if expanding(rungs.exact) and rungs.restored is None:
        found = of_compression(rungs, _explained)
        if found:
            return found
    exact = rungs.run(rungs.exact, rungs.inputs)
    in_numerics = rungs.run(rungs.numerics, rungs.inputs)
    whole, graph = distance(in_numerics, rungs.expected), distance(exact, rungs.expected)
    if whole <= max(AGREES, rungs.floor):
        empty = [name for name, value in rungs.expected.items() if not value.numel()]
        if empty or not rungs.expected:
            reasons = {"reasons": f"{', '.join(empty) or 'every output'} is empty"}
            return (cause_of(CauseKind.UNKNOWN, Observation.OUTPUTS_NOT_COMPARED, {}, names=reasons),)
        return (cause_of(CauseKind.NONE, Observation.AGREES, {"difference": whole}),)
    if graph <= max(AGREES, rungs.floor) or distance(in_numerics, exact) > graph:
        with may_be_left(CARRIERS):
            return (_of_numerics(rungs, exact, whole),)
        return (cause_of(CauseKind.PRECISION, Observation.ARITHMETIC, {"difference": whole}),)
    with may_be_left(IN_GRAPH):
        return _of_graph(rungs, exact, graph)
    return (_not_searched(graph),)


def _not_searched(graph: float, ops: tuple[LocatedOp, ...] = ()) -> Cause:
    return cause_of(CauseKind.UNKNOWN, Observation.GRAPH_NOT_SEARCHED, {"difference": graph}, ops)


def begins_at(rungs: Rungs) -> Hashable | None:
    """Return where both sides first differ; "overflow" where only the arithmetic does and loses numbers."""
    rungs = without_compression(rungs) if expanding(rungs.exact) else rungs
    graph = rungs.whole
    if graph <= max(AGREES, rungs.floor):
        outputs = rungs.run(rungs.numerics, rungs.inputs)
        return "overflow" if math.isinf(distance(outputs, rungs.expected)) else None
    trace = rungs.trace()
    if trace is None:
        return None
    ours, theirs = _firsts(rungs, trace)
    return (ours, theirs.origins) if ours else None


def _firsts(rungs: Rungs, trace: SourceTrace) -> tuple[frozenset[str], FirstOps]:
    """Return the first ops of both sides that differ."""
    near = _NEAR_IN_FP32 if rungs.exact.profile.compute == torch.float64 else _NEAR_IN_FP16
    return first_ops(rungs.exact, rungs.in_width(rungs.exact), trace, rungs.expected, near)


_NEAR_IN_FP32, _NEAR_IN_FP16 = 2e-5, 2e-2
"""Of the largest element: within what a value of the graph is taken for the source's (assumed; see `divergence`)."""


def _of_numerics(rungs: Rungs, exact: Tensors, whole: float) -> Cause:
    found = locate(rungs.numerics, rungs.exact, [(rungs.in_width(rungs.numerics), exact)])
    known = origins(rungs, [suspect.index for suspect in found.suspects[:KEPT]])
    ops = tuple(_located(suspect, known.get(suspect.index, "")) for suspect in found.suspects[:KEPT])
    if not found.suspects:
        return cause_of(CauseKind.PRECISION, Observation.ARITHMETIC, {"difference": whole})
    first = _telling(found)
    names = {"op": op_text(first.op)}
    if found.chain:
        figures = {"peak": first.peak, "lost": first.lost, "difference": whole}
        return cause_of(CauseKind.OVERFLOW, Observation.OP_OVERFLOWS, figures, ops, names)
    observation, figures = _leading(found, first)
    return cause_of(CauseKind.PRECISION, observation, {"difference": whole, **figures}, ops, names)


def _telling(found: Location) -> Suspect:
    """Return the first op; where nothing goes away with it, the one with which most does."""
    first = found.suspects[0]
    if found.chain or (first.removed or 0.0) >= _LITTLE:
        return first
    return max(found.suspects[:KEPT], key=lambda suspect: max(suspect.removed or 0.0, _LITTLE))


def _leading(found: Location, first: Suspect) -> tuple[Observation, dict[str, float]]:
    share, gone = first.share or 0.0, first.removed or 0.0
    figures = {"share": share, "explained": found.explained or 0.0, "removed": gone}
    if not found.first_order:
        return Observation.ARITHMETIC_CONFIRMED, {"removed": gone}
    is_undone = share >= _MUCH and gone < _LITTLE
    return Observation.ARITHMETIC_CANCELS if is_undone else Observation.ARITHMETIC_FIRST_ORDER, figures


_MUCH, _LITTLE = 0.2, 0.05
"""From which share on an op is expected to take part of a difference away, and what counts as none (assumed)."""


def _of_graph(rungs: Rungs, exact: Tensors, graph: float) -> tuple[Cause, ...]:
    for look in (infinite_weights, _training, compressed_weights, fp16_weights, rounded_constants):
        cause = look(rungs, exact, graph)
        if cause is not None:
            return (cause,)
    pictured = _image_input(rungs, graph)
    if pictured:
        return pictured
    sides = _sides(rungs, exact)
    tries = None if sides is None else Tries(sides)
    changed = () if tries is None else found_by_changes(tries)
    if sides is not None and changed:
        return _with_changed(rungs, sides, changed)
    fixed = rungs.fixed_length()
    if fixed is not None:
        return (fixed,)
    search = search_inputs(partial(rungs.run, rungs.exact), rungs.in_width(rungs.exact), rungs.expected)
    if search.suspect is not None:
        return _with_suspect(rungs, search.suspect, graph)
    if sides is None or tries is None:
        return (_diverging(rungs, None, graph),)
    two = input_and_change(tries, search.tried) or beside_weights(sides, partial(_rest, rungs))
    if two:
        return two
    plain = _diverging(rungs, sides, graph)
    return (plain,) if rungs.is_rest else beside(plain, graph, _mends(rungs, tries, search.tried, plain))


def _left(rungs: Rungs) -> tuple[Cause, ...]:
    """Return the causes of what is left once another cause is taken away."""
    return _explained(replace(rungs, is_rest=True))


def _with_changed(rungs: Rungs, sides: Sides, changed: Sequence[Tried]) -> tuple[Cause, ...]:
    causes = tuple(each.cause(sides) for each in changed)
    change = reduce(Change.with_others, (each.candidate.change for each in changed), Change())
    others = None if rungs.is_rest or change.weights else rungs.changed(change)
    if others is None:
        return causes
    left = distance(sides.found, others.expected)
    return with_rest(causes, partial(_left, others), left, rungs.floor)


def _with_suspect(rungs: Rungs, suspect: SuspectInput, graph: float) -> tuple[Cause, ...]:
    causes = (suspect_cause(suspect.name, suspect.removed, graph),)
    if suspect.inputs is None or rungs.is_rest:
        return causes
    others = rungs.on(suspect.inputs)
    return with_rest(causes, partial(_left, others), others.whole, rungs.floor)


def _mends(rungs: Rungs, tries: Tries, changes: Sequence[ChangedInputs], plain: Cause) -> Iterator[Mend]:
    """Yield what may be wrong beside an op: a change of the source, the input, or the first ops that change it."""
    whole, likely = tries.sides.whole, likely_changes(tries)
    first = _firsts(rungs, tries.sides.trace)[1] if likely else FirstOps(frozenset())
    for tried in likely:
        others = rungs.changed(tried.candidate.change)
        if others is not None:
            seen = is_seen(tried, plain, first)
            yield Mend(tried.cause(tries.sides), others.whole, partial(_by_ops, others), seen)
    for changed, part in likely_inputs(changes, whole, rungs.expected):
        others = rungs.on(changed.inputs)
        yield Mend(suspect_cause(changed.name, part, whole), others.whole, partial(_by_ops, others))
    for undone in undone_ops(rungs.exact, rungs.in_width(rungs.exact)):
        others = rungs.on(undone.inputs)
        names = {"input": undone.input, "op": op_text(undone.ops[0])}
        ops = tuple(located_op(op, None, None, "") for op in undone.ops)
        cause = cause_of(CauseKind.PREPROCESSING, Observation.INPUT_CHANGED_TOO, {}, ops, names)
        yield Mend(cause, others.whole, partial(_left, others))


def _by_ops(rungs: Rungs) -> tuple[Cause, ...]:
    sides = _sides(rungs, rungs.run(rungs.exact, rungs.inputs))
    return (_diverging(rungs, sides, rungs.whole),)


def _rest(rungs: Rungs, weights: Weights) -> tuple[Sides, tuple[Cause, ...]] | None:
    others = rungs.with_weights(weights)
    sides = None if others is None else _sides(others, others.run(others.exact, others.inputs))
    return None if others is None or sides is None else (sides, _explained(others))


def _sides(rungs: Rungs, exact: Tensors) -> Sides | None:
    trace = rungs.trace()
    if trace is None:
        return None
    found = {name: value for name, value in exact.items() if name in rungs.expected}
    graph = graph_of(rungs.exact, rungs.in_width(rungs.exact))
    # The values of compressed weights are others than the source's, and that is no mistake.
    weights = {} if expanding(rungs.exact) and rungs.restored is None else rungs.weights
    return Sides(found, rungs.expected, trace, graph, rungs.rerun, rungs.others, weights)


def _image_input(rungs: Rungs, graph: float) -> tuple[Cause, ...]:
    """Return an image input of whose pixels other numbers are made, and what else is wrong; none if that is unclear."""
    trace = rungs.trace() if any(feature.image for feature in rungs.exact.interface.inputs) else None
    fault = None if trace is None else image_fault(rungs.exact, rungs.in_width(rungs.exact), trace, rungs.expected)
    if fault is None:
        return ()
    others = rungs.on(fault.inputs)
    if fault.removed >= VANISHED:
        return with_rest((cause_of_image(fault, graph),), partial(_left, others), others.whole, rungs.floor)
    rest = () if rungs.is_rest else _left(others)
    # Where it then differs more, and that begins at an op, the source may scale its pixels later on.
    if not are_clear(rest) or (others.whole >= graph and any(cause.ops for cause in rest)):
        return ()
    return Mend(cause_of_image(fault, graph, is_alone=False), others.whole, tuple).causes(graph, rest)


_MOST = 0.5


def _training(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    trained = rungs.in_training_mode()
    if trained is None or removed(graph, distance(exact, trained)) < VANISHED:
        return None
    return cause_of(CauseKind.TRAINING_MODE, Observation.TRAINING_MODE, {"difference": graph})


def _divergences(rungs: Rungs) -> tuple[Divergence, ...]:
    trace = rungs.trace()
    return () if trace is None else first_divergences(rungs.exact, rungs.in_width(rungs.exact), trace, rungs.expected)


def _diverging(rungs: Rungs, sides: Sides | None, graph: float) -> Cause:
    found = _divergences(rungs)
    gone = math.fsum(divergence.removed or 0.0 for divergence in found)
    if not found:
        if is_left_out(SEARCH):
            return _not_searched(graph)
        return cause_of(CauseKind.UNKNOWN, Observation.GRAPH_DIFFERS, {"difference": graph})
    ops = _diverging_ops(found)
    first = found[0]
    last = op_text(first.ops[-1])
    names = {"where": f"{last}, the source's {first.origin}," if first.origin else last}
    held = None if sides is None else weights_held(sides)
    layers = () if held is None else missing_layers(rungs.weights, held)
    if layers and (gone < _MOST or (first.origin is not None and first.origin.module in layers)):
        told = {"layers": listed(layers), "where": last}
        return cause_of(CauseKind.WEIGHTS, Observation.WEIGHTS_MISSING, {"difference": graph}, ops, told)
    placed = None if held is None else weight_for(rungs, first.ops, held.unclaimed)
    if placed is not None:
        told = {"layers": placed.name, "where": last}
        figures = {"difference": graph, "removed": placed.removed}
        return cause_of(CauseKind.WEIGHTS, Observation.WEIGHTS_PLACED, figures, ops, told)
    if gone < _MOST:
        if is_left_out(SEARCH):
            return _not_searched(graph, ops)
        # It holds all of the source's weights, and no change of the source gives what it gives.
        kind = CauseKind.CONVERTER if held is not None and held.is_whole else CauseKind.UNKNOWN
        return cause_of(kind, Observation.GRAPH_DIFFERS_UNCONFIRMED, {"difference": graph}, ops, names)
    figures = {"difference": graph, "removed": first.removed or 0.0}
    changed = changed_input(rungs.exact, first.ops)
    if changed is not None:
        names = {"input": changed, "op": op_text(first.ops[0])}
        return cause_of(CauseKind.PREPROCESSING, Observation.INPUT_CHANGED, figures, ops, names)
    return cause_of(CauseKind.CONVERTER, Observation.GRAPH_DIVERGES, {"difference": graph, "removed": gone}, ops, names)


def _diverging_ops(found: Sequence[Divergence]) -> tuple[LocatedOp, ...]:
    """Return of each divergence its last and its first op, one after the other; then those between."""
    ends = [(divergence, op) for divergence in found for op in dict.fromkeys((divergence.ops[-1], divergence.ops[0]))]
    inner = [(divergence, op) for divergence in found for op in divergence.ops[1:-1]]
    return tuple(
        located_op(op, None, divergence.removed, "", str(divergence.origin or ""))
        for divergence, op in [*ends, *inner][:KEPT]
    )


def _located(suspect: Suspect, origin: str) -> LocatedOp:
    note = f"{suspect.lost} elements overflow, up to {format_number(suspect.peak)}" if suspect.lost else ""
    return located_op(suspect.op, suspect.share, suspect.removed, note, origin)
