"""Ops whose results may come in more than one order, and the orders in which they may."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlparity.core.graph_trace import GraphTrace
from mlparity.core.trace import SourceTrace, TracedOp

_BEST = "aten.topk"
_SORTS = ("aten.sort", "aten.argsort")

Results = tuple[np.ndarray, ...]


def open_orders(trace: SourceTrace, graph: GraphTrace | None = None) -> Iterator[tuple[TracedOp, Results]]:
    """Yield each op that leaves an order open, with its results in another one: the graph's own first.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.topk.html (`sorted`) and `torch.sort.html` (`stable`).
    """
    for op in trace.ops:
        arrays = tuple(array for _, array in op.results)
        if op.call < 0 or not arrays or not arrays[0].ndim:
            continue
        axis = _axis(op, arrays[0])
        if op.origin.op == _BEST and op.settings.get("sorted", True) is False and len(arrays) == 2:
            yield from ((op, results) for results in _of_graph(arrays, axis, graph))
            yield from ((op, results) for results in _reordered(arrays, axis))
        elif op.origin.op in _SORTS and op.settings.get("stable") is not True and len(arrays) == 2:
            yield from (
                (op, results) for results in _of_graph(arrays, axis, graph) if np.array_equal(results[0], arrays[0])
            )
            yield from ((op, results) for results in _with_ties_reordered(arrays, axis))


def _axis(op: TracedOp, array: np.ndarray) -> int:
    axis = op.settings.get("dim", -1)
    return axis % array.ndim if isinstance(axis, int) else array.ndim - 1


def _of_graph(arrays: Results, axis: int, graph: GraphTrace | None) -> Iterator[Results]:
    """Yield the results in the order of each of the graph's values that holds the same places."""
    places = arrays[1]
    for op in graph.ops if graph is not None else ():
        for name in op.results:
            other = graph.values.get(name) if graph is not None else None
            if other is not None and _holds_same(other, places, axis) and not np.array_equal(other, places):
                back, order = np.argsort(places, axis), np.argsort(np.argsort(other, axis), axis)
                yield _taken(arrays, np.take_along_axis(back, order, axis), axis)


def _holds_same(other: np.ndarray, places: np.ndarray, axis: int) -> bool:
    if other.shape != places.shape or other.dtype.kind not in "iu":
        return False
    return bool(np.array_equal(np.sort(other, axis), np.sort(places, axis)))


def _reordered(arrays: Results, axis: int) -> Iterator[Results]:
    values, places = arrays
    keys = (-values, values, places, -places, _backwards(values, axis))
    orders = (np.argsort(key, axis=axis, kind="stable") for key in keys)
    yield from (_taken(arrays, order, axis) for order in orders)


def _with_ties_reordered(arrays: Results, axis: int) -> Iterator[Results]:
    """Yield the results with equal values in the order of their places, then in the opposite one."""
    values, places = arrays
    moved = np.moveaxis(values, axis, -1)
    if not (moved[..., 1:] == moved[..., :-1]).any():
        return
    groups = np.moveaxis(np.cumsum(np.diff(moved, axis=-1, prepend=moved[..., :1]) != 0, -1), -1, axis)
    for key in (places, -places):
        yield _taken(arrays, np.lexsort((key, groups), axis=axis), axis)


def _backwards(values: np.ndarray, axis: int) -> np.ndarray:
    shape = [1] * values.ndim
    shape[axis] = -1
    return np.broadcast_to(-np.arange(values.shape[axis]).reshape(shape), values.shape)


def _taken(arrays: Results, order: np.ndarray, axis: int) -> Results:
    return tuple(np.take_along_axis(array, order, axis) for array in arrays)
