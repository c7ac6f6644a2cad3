"""Why one artifact differs from its source, and at which ops: the rungs between them are run, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from mlparity.core.change import Change
from mlparity.core.numbers import format_number
from mlparity.core.trace import SourceTrace
from mlparity.diagnose.beside_weights import beside_weights
from mlparity.diagnose.by_changes import Sides, causes_by_changes, listed, missing_layers, weights_held
from mlparity.diagnose.compressed_weights import compression_intervals, expanding, names_of
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.divergence import Divergence, first_divergences
from mlparity.diagnose.fast_path import fast_path
from mlparity.diagnose.image_inputs import cause_of_image, image_fault
from mlparity.diagnose.infinite_weights import infinite_constants
from mlparity.diagnose.locate import Location, Suspect, locate
from mlparity.diagnose.moved_weights import Intervals, moved, shares
from mlparity.diagnose.origins import origins_of
from mlparity.diagnose.other_weights import Weights
from mlparity.diagnose.plan_trace import graph_of
from mlparity.diagnose.preprocessing import VANISHED, changed_input, find_suspect
from mlparity.diagnose.rounded_weights import rounding_intervals
from mlparity.diagnose.substitution import values_of
from mlparity.engine.mil.program import NamedType, Op, TensorType
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation

AGREES = 2e-6
"""The distance that counts as agreement: what fp32 explains, of the output's scale (assumed; see `ladder`)."""

KEPT = 5
"""How many ops a cause names."""


@dataclass(frozen=True, slots=True, eq=False)
class Rungs:
    """What is needed to explain one artifact on one sample; outputs go by the graph's names.

    `numerics` and `exact` are plans of the artifact without kernels. `expected` are the source's outputs, `floor` the
    distance that its own rounding explains. The functions run the source again, and return None where they cannot:
    traced in fp64, in training mode, with its weights rounded to fp16, with a change, without PyTorch's fast path, of
    which `fast_layers` are the paths. `others` are its traces on other samples, `weights` its own by their names.
    `fixed_length` runs both sides at other lengths of an input. `with_weights` gives the same of a source with other
    weights. `half_states` are the outputs that tell of a state in fp16, and its name, where the ops calculate in fp32.
    """

    numerics: Plan
    exact: Plan
    inputs: Tensors
    expected: Tensors
    floor: float
    trace: Callable[[], SourceTrace | None]
    in_training_mode: Callable[[], Tensors | None]
    with_fp16_weights: Callable[[], Tensors | None]
    rerun: Callable[[Change], Tensors | None] = lambda _: None
    by_parts: Callable[[], Tensors | None] = lambda: None
    others: Callable[[], Sequence[SourceTrace]] = tuple
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    fast_layers: tuple[str, ...] = ()
    fixed_length: Callable[[], Cause | None] = lambda: None
    with_weights: Callable[[Weights], Rungs | None] = lambda _: None
    half_states: Mapping[str, str] = field(default_factory=dict)

    def run(self, plan: Plan, inputs: Tensors) -> Tensors:
        """Return a plan's outputs that are tensors."""
        width = plan.profile.compute
        held = {name: value.to(width) if value.is_floating_point() else value for name, value in inputs.items()}
        with torch.no_grad():
            found = run_plan(plan, held)
        return {name: value for name, value in found.items() if isinstance(value, Tensor)}

    def in_width(self, plan: Plan) -> Tensors:
        """Return the inputs in the storage dtype of a plan."""
        width = plan.profile.compute
        return {name: value.to(width) if value.is_floating_point() else value for name, value in self.inputs.items()}


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
    exact = rungs.run(rungs.exact, rungs.inputs)
    in_numerics = rungs.run(rungs.numerics, rungs.inputs)
    whole, graph = distance(in_numerics, rungs.expected), distance(exact, rungs.expected)
    if whole <= max(AGREES, rungs.floor):
        empty = [name for name, value in rungs.expected.items() if not value.numel()]
        if empty or not rungs.expected:
            reasons = {"reasons": f"{', '.join(empty) or 'every output'} is empty"}
            return (_cause(CauseKind.UNKNOWN, Observation.OUTPUTS_NOT_COMPARED, {}, names=reasons),)
        return (_cause(CauseKind.NONE, Observation.AGREES, {"difference": whole}),)
    if graph <= max(AGREES, rungs.floor) or distance(in_numerics, exact) > graph:
        return (_of_numerics(rungs, exact, whole),)
    return _of_graph(rungs, exact, graph)


def _of_numerics(rungs: Rungs, exact: Tensors, whole: float) -> Cause:
    found = locate(rungs.numerics, rungs.exact, [(rungs.in_width(rungs.numerics), exact)])
    known = origins(rungs, [suspect.index for suspect in found.suspects[:KEPT]])
    ops = tuple(_located(suspect, known.get(suspect.index, "")) for suspect in found.suspects[:KEPT])
    if not found.suspects:
        return _cause(CauseKind.PRECISION, Observation.ARITHMETIC, {"difference": whole})
    first = _telling(found)
    names = {"op": op_text(first.op)}
    if found.chain:
        figures = {"peak": first.peak, "lost": first.lost, "difference": whole}
        return _cause(CauseKind.OVERFLOW, Observation.OP_OVERFLOWS, figures, ops, names)
    observation, figures = _leading(found, first)
    return _cause(CauseKind.PRECISION, observation, {"difference": whole, **figures}, ops, names)


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


def origins(rungs: Rungs, indices: Sequence[int]) -> dict[int, str]:
    """Return the source's op, module and line for those of the steps that have one; none without a trace."""
    trace = rungs.trace()
    if trace is None:
        return {}
    values = values_of(rungs.exact, rungs.in_width(rungs.exact))
    return {index: str(origin) for index, origin in origins_of(rungs.exact, values, trace, indices).items()}


def _of_graph(rungs: Rungs, exact: Tensors, graph: float) -> tuple[Cause, ...]:
    for look in (_infinite_weights, _training, _compressed_weights, _fp16_weights, _rounded_constants, _image_input):
        cause = look(rungs, exact, graph)
        if cause is not None:
            return (cause,)
    sides = _sides(rungs, exact)
    changed = () if sides is None else causes_by_changes(sides)
    if changed:
        return changed
    fixed = rungs.fixed_length()
    if fixed is not None:
        return (fixed,)
    suspect = _preprocessing(rungs, exact, graph)
    if suspect is not None:
        return (suspect,)
    two = () if sides is None else beside_weights(sides, partial(_rest, rungs))
    return two if two else (_diverging(rungs, sides, graph),)


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
    weights = {} if expanding(rungs.exact) else rungs.weights
    return Sides(found, rungs.expected, trace, graph, rungs.rerun, rungs.others, weights)


def _image_input(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    del exact
    trace = rungs.trace() if any(feature.image for feature in rungs.exact.interface.inputs) else None
    if trace is None:
        return None
    fault = image_fault(rungs.exact, rungs.in_width(rungs.exact), trace, rungs.expected)
    return None if fault is None else cause_of_image(fault, graph)


def _infinite_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """A constant that fp16 cannot hold: with the largest finite number instead, (most of) the difference goes."""
    del exact
    steps = infinite_constants(rungs.exact)
    if not steps:
        return None
    most = torch.finfo(torch.float16).max
    finite = tuple(
        value.clamp(-most, most) if isinstance(value, Tensor) and value.is_floating_point() else value
        for value in rungs.exact.initial
    )
    gone = removed(graph, distance(rungs.run(replace(rungs.exact, initial=finite), rungs.inputs), rungs.expected))
    if gone < _MOST:
        return None
    ops = tuple(_op(step.op, None, gone, "a constant is infinite") for step in steps[:KEPT])
    names = {"op": op_text(steps[0].op)}
    return _cause(CauseKind.OVERFLOW, Observation.CONSTANT_INFINITE, {"removed": gone, "difference": graph}, ops, names)


_MOST = 0.5


def _training(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    trained = rungs.in_training_mode()
    if trained is None or removed(graph, distance(exact, trained)) < VANISHED:
        return None
    return _cause(CauseKind.TRAINING_MODE, Observation.TRAINING_MODE, {"difference": graph})


def _preprocessing(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    del exact
    suspect = find_suspect(lambda inputs: rungs.run(rungs.exact, inputs), rungs.in_width(rungs.exact), rungs.expected)
    if suspect is None:
        return None
    figures = {"removed": suspect.removed, "difference": graph}
    return _cause(CauseKind.PREPROCESSING, Observation.INPUT_SUSPECT, figures, names={"suspect": suspect.name})


def _fp16_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    rounded = rungs.with_fp16_weights()
    if rounded is None or removed(graph, distance(exact, rounded)) < _MOST:
        return None
    ops = tuple(_moved_ops(rungs, rounding_intervals(rungs.exact)).values())
    return _cause(CauseKind.PRECISION, Observation.WEIGHTS_ROUNDED, {"difference": graph}, ops)


def _rounded_constants(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """Weights that were changed before they were rounded, as by a folded norm: what their rounding may do is drawn."""
    if not any(isinstance(t := result.type, TensorType) and t.dtype == "fp16" for result in _results(rungs.exact)):
        return None
    intervals = rounding_intervals(rungs.exact)
    figures = _drawn(rungs, (intervals,), exact, graph)
    if figures is None:
        return None
    ops = tuple(_moved_ops(rungs, intervals).values())
    return _cause(CauseKind.PRECISION, Observation.WEIGHTS_ROUNDED_AT_RANDOM, figures, ops)


def _compressed_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """Weights in fewer bits: what they may have been before is drawn."""
    ways = compression_intervals(rungs.exact)
    figures = _drawn(rungs, ways, exact, graph) if ways else None
    if figures is None:
        return None
    named = {index: f"its weight {name}" for index, name in names_of(rungs.exact, rungs.weights).items()}
    ops = tuple(
        op if op.origin else replace(op, origin=named.get(index, ""))
        for index, op in _moved_ops(rungs, ways[0]).items()
    )
    return _cause(CauseKind.COMPRESSION, Observation.WEIGHTS_COMPRESSED, figures, ops)


def _drawn(rungs: Rungs, ways: Sequence[Intervals], exact: Tensors, graph: float) -> dict[str, float] | None:
    """Return what drawn constants do to the outputs, if the difference that is seen may come of such a draw."""
    plans = [moved(rungs.exact, intervals, seed) for intervals in ways for seed in range(_DRAWS)]
    # As the source is, each draw is what the artifact is compared with.
    drawn = [distance(exact, rungs.run(plan, rungs.inputs)) for plan in plans]
    if not graph <= _WITHIN * max(drawn):
        return None
    return {"difference": graph, "draws": len(drawn), "least": min(drawn), "most": max(drawn)}


def _moved_ops(rungs: Rungs, intervals: Intervals) -> dict[int, LocatedOp]:
    """Return the ops whose constants may do most within their intervals, by their steps' indices.

    Each has its part of the expected square.
    """
    found = shares(rungs.exact, intervals, rungs.in_width(rungs.exact), rungs.expected)
    leading = sorted(found, key=lambda index: found[index], reverse=True)[:KEPT]
    known = origins(rungs, leading)
    steps = rungs.exact.steps
    return {
        index: _op(steps[index].op, found[index], None, "by its constants", known.get(index, "")) for index in leading
    }


_DRAWS = 4
_WITHIN = 2.0
"""How many times the largest of the drawn differences the observed one may be (assumed)."""


def _results(plan: Plan) -> Iterator[NamedType]:
    return (output for op in plan.function.body.ops for output in op.outputs)


def _divergences(rungs: Rungs) -> tuple[Divergence, ...]:
    trace = rungs.trace()
    return () if trace is None else first_divergences(rungs.exact, rungs.in_width(rungs.exact), trace, rungs.expected)


def _diverging(rungs: Rungs, sides: Sides | None, graph: float) -> Cause:
    found = _divergences(rungs)
    gone = math.fsum(divergence.removed or 0.0 for divergence in found)
    if not found:
        return _cause(CauseKind.UNKNOWN, Observation.GRAPH_DIFFERS, {"difference": graph})
    ops = _diverging_ops(found)
    first = found[0]
    last = op_text(first.ops[-1])
    names = {"where": f"{last}, the source's {first.origin}," if first.origin else last}
    held = None if sides is None else weights_held(sides)
    layers = () if held is None else missing_layers(rungs.weights, held)
    if layers and (gone < _MOST or (first.origin is not None and first.origin.module in layers)):
        told = {"layers": listed(layers), "where": last}
        return _cause(CauseKind.WEIGHTS, Observation.WEIGHTS_MISSING, {"difference": graph}, ops, told)
    if gone < _MOST:
        # It holds all of the source's weights, and no change of the source gives what it gives.
        kind = CauseKind.CONVERTER if held is not None and held.is_whole else CauseKind.UNKNOWN
        return _cause(kind, Observation.GRAPH_DIFFERS_UNCONFIRMED, {"difference": graph}, ops, names)
    figures = {"difference": graph, "removed": first.removed or 0.0}
    changed = changed_input(rungs.exact, first.ops)
    if changed is not None:
        names = {"input": changed, "op": op_text(first.ops[0])}
        return _cause(CauseKind.PREPROCESSING, Observation.INPUT_CHANGED, figures, ops, names)
    return _cause(CauseKind.CONVERTER, Observation.GRAPH_DIVERGES, {"difference": graph, "removed": gone}, ops, names)


def _diverging_ops(found: Sequence[Divergence]) -> tuple[LocatedOp, ...]:
    """Return of each divergence its last and its first op, one after the other; then those between."""
    ends = [(divergence, op) for divergence in found for op in dict.fromkeys((divergence.ops[-1], divergence.ops[0]))]
    inner = [(divergence, op) for divergence in found for op in divergence.ops[1:-1]]
    return tuple(
        _op(op, None, divergence.removed, "", str(divergence.origin or "")) for divergence, op in [*ends, *inner][:KEPT]
    )


def _located(suspect: Suspect, origin: str) -> LocatedOp:
    note = f"{suspect.lost} elements overflow, up to {format_number(suspect.peak)}" if suspect.lost else ""
    return _op(suspect.op, suspect.share, suspect.removed, note, origin)


def _op(op: Op, share: float | None, gone: float | None, note: str, origin: str = "") -> LocatedOp:
    output = op.outputs[0].name if op.outputs else op.location
    return LocatedOp(op.type, op.location, output, origin, share, gone, note)


def op_text(op: Op) -> str:
    """Return an op as a sentence names it."""
    return f"{op.type} {op.location!r}"


def _cause(
    kind: CauseKind,
    observation: Observation,
    figures: Mapping[str, float],
    ops: tuple[LocatedOp, ...] = (),
    names: Mapping[str, str] | None = None,
) -> Cause:
    return Cause(kind, (Evidence(observation, figures, names or {}),), ops)
