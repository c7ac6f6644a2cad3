"""What the constants of an artifact make of its difference: those that are infinite, rounded, or compressed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mlparity.diagnose.compressed_weights import compression_intervals, names_of
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.infinite_weights import infinite_constants
from mlparity.diagnose.moved_weights import Intervals, moved, shares
from mlparity.diagnose.rounded_weights import rounding_intervals
from mlparity.diagnose.rungs import KEPT, Rungs, cause_of, located_op, op_text, origins
from mlparity.engine.mil.program import NamedType, TensorType
from mlparity.engine.runtime.plan import Plan
from mlparity.record.causes import Cause, CauseKind, LocatedOp, Observation

_MOST = 0.5
"""Which part of a difference has to go away (assumed)."""


def infinite_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
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
    ops = tuple(located_op(step.op, None, gone, "a constant is infinite") for step in steps[:KEPT])
    names = {"op": op_text(steps[0].op)}
    return cause_of(
        CauseKind.OVERFLOW, Observation.CONSTANT_INFINITE, {"removed": gone, "difference": graph}, ops, names
    )


def fp16_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """The source's weights rounded to fp16: with them it gives what the artifact gives."""
    rounded = rungs.with_fp16_weights()
    if rounded is None or removed(graph, distance(exact, rounded)) < _MOST:
        return None
    ops = tuple(_moved_ops(rungs, rounding_intervals(rungs.exact)).values())
    return cause_of(CauseKind.PRECISION, Observation.WEIGHTS_ROUNDED, {"difference": graph}, ops)


def rounded_constants(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """Weights that were changed before they were rounded, as by a folded norm: what their rounding may do is drawn."""
    if not any(isinstance(t := result.type, TensorType) and t.dtype == "fp16" for result in _results(rungs.exact)):
        return None
    intervals = rounding_intervals(rungs.exact)
    figures = _drawn(rungs, (intervals,), exact, graph)
    if figures is None:
        return None
    ops = tuple(_moved_ops(rungs, intervals).values())
    return cause_of(CauseKind.PRECISION, Observation.WEIGHTS_ROUNDED_AT_RANDOM, figures, ops)


def compressed_weights(rungs: Rungs, exact: Tensors, graph: float) -> Cause | None:
    """Weights in fewer bits: what they may have been before is drawn.

    Where they are like weights of the source, and further from these than a compression leaves them, they are others.
    """
    restored = rungs.restored or frozenset()
    ways = compression_intervals(rungs.exact, restored)
    if rungs.restored is not None and names_of(rungs.exact, rungs.weights, restored):
        return None
    figures = _drawn(rungs, ways, exact, graph) if ways else None
    if figures is None:
        return None
    named = {index: f"its weight {name}" for index, name in names_of(rungs.exact, rungs.weights).items()}
    ops = tuple(
        op if op.origin else replace(op, origin=named.get(index, ""))
        for index, op in _moved_ops(rungs, ways[0]).items()
    )
    return cause_of(CauseKind.COMPRESSION, Observation.WEIGHTS_COMPRESSED, figures, ops)


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
        index: located_op(steps[index].op, found[index], None, "by its constants", known.get(index, ""))
        for index in leading
    }


_DRAWS = 4
_WITHIN = 2.0
"""How many times the largest of the drawn differences the observed one may be (assumed)."""


def _results(plan: Plan) -> Iterator[NamedType]:
    return (output for op in plan.function.body.ops for output in op.outputs)
