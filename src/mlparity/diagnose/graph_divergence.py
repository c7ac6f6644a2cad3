"""Where a graph that another runtime ran first computes something else than its source.

Walking back from an output that differs, a value that the source has too ends the walk. Ops whose inputs all agree are
where it begins. It is confirmed in the source: with the graph's own value put into it there, it gives what the graph
gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mlparity.core.budget import may_be_left
from mlparity.core.change import Change
from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.core.trace import FirstOps, Origin, SourceTrace, TracedOp, first_of
from mlparity.diagnose.alignment import SourceValues
from mlparity.diagnose.distance import distance, removed
from mlparity.diagnose.parts import SEARCH

Rerun = Callable[[Change], Mapping[str, np.ndarray] | None]
"""Runs the source again with a change; None where that fails."""

_TOLERANCES = (2e-5, 2e-3)
"""Of the largest element: what fp32 explains, and what fp16 does (assumed)."""

_CONFIRMED = 0.95
_OPS, _VALUES = 5, 8
"""How many of the source's ops, and of the graph's values, are tried in each other's place (assumed)."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphDivergence:
    """One place where a graph leaves its source: its ops there, the source's op, and the part that it explains.

    `removed` is the part of the difference that is there too when the source has the graph's value in that place; None
    where no value could be put there.
    """

    ops: tuple[GraphOp, ...]
    origin: Origin | None
    removed: float | None


def first_divergence(
    graph: GraphTrace, trace: SourceTrace, expected: Mapping[str, np.ndarray], rerun: Rerun
) -> GraphDivergence | None:
    """Return where a graph leaves its source; None where no op can be named. `expected` are the source's outputs."""
    best: GraphDivergence | None = None
    for tolerance in _TOLERANCES:
        with may_be_left(SEARCH, share=1 / (len(_TOLERANCES) - _TOLERANCES.index(tolerance))):
            for found in _Walk(graph, trace, expected, tolerance).divergences(rerun):
                if best is None or (found.removed or 0.0) > (best.removed or 0.0):
                    best = found
                if best.removed is not None and best.removed >= _CONFIRMED:
                    return best
    return best


def first_ops(
    graph: GraphTrace, trace: SourceTrace, expected: Mapping[str, np.ndarray], tolerance: float
) -> tuple[frozenset[str], FirstOps]:
    """Return the ops whose results differ while what they read agrees, and the source's own for them."""
    walk = _Walk(graph, trace, expected, tolerance)
    known = walk.source.with_equals(walk.aligned.values())
    return frozenset(op.name for op, _ in walk.firsts()), first_of(trace, walk.source_cone(), known)


class _Walk:
    """One walk at one tolerance."""

    def __init__(
        self, graph: GraphTrace, trace: SourceTrace, expected: Mapping[str, np.ndarray], tolerance: float
    ) -> None:
        self.graph, self.trace, self.expected = graph, trace, expected
        self.source, self.tolerance = SourceValues(trace), tolerance
        self.aligned = {name: found for name in _made(graph) if (found := self._find(name)) is not None}
        self.aligned |= self._given()
        self._align_by_inputs()

    def divergences(self, rerun: Rerun) -> Iterator[GraphDivergence]:
        """Yield the places where it begins, in order; each begins with an op whose inputs agree."""
        theirs = self.source_cone()
        for op, cone in self.firsts():
            yield self._divergence(op, cone, theirs, rerun)

    def firsts(self) -> Iterator[tuple[GraphOp, Sequence[GraphOp]]]:
        """Yield the ops that differ while what they read agrees, each with all that differ."""
        cone = self._cone()
        inside = {name for op in cone for name in op.results}
        yield from ((op, cone) for op in cone if not inside & set(op.inputs))

    def _given(self) -> dict[str, int]:
        numbers = {name: number for name, number, _ in self.trace.inputs}
        return {value: numbers[name] for name, value in self.graph.inputs.items() if name in numbers}

    def _align_by_inputs(self) -> None:
        """Align values that tell nothing by themselves, such as zeros: those that equal inputs make in both."""
        readers: dict[int, list[TracedOp]] = {}
        for traced in self.trace.ops:
            for read in traced.inputs:
                readers.setdefault(read, []).append(traced)
        for op in self.graph.ops:
            ours = [self.aligned[name] for name in op.inputs if name in self.aligned]
            theirs = [reader for number in ours for reader in readers.get(number, ())]
            for name in op.results:
                found = None if name in self.aligned else self._equal_result(name, theirs)
                if found is not None:
                    self.aligned[name] = found

    def _equal_result(self, name: str, ops: Sequence[TracedOp]) -> int | None:
        array = self.graph.values.get(name)
        if array is None or array.dtype.kind not in "fiub":
            return None
        value = torch.from_numpy(np.ascontiguousarray(array))
        results = (result for op in ops for result in op.results)
        return next((number for number, _ in results if self.source.gap(value, number) <= self.tolerance), None)

    def _find(self, name: str) -> int | None:
        array = self.graph.values.get(name)
        if array is None or array.dtype.kind not in "fiub":
            return None
        for way in _ways(array):
            number = self.source.find(torch.from_numpy(np.ascontiguousarray(way)), self.tolerance)
            if number is not None:
                return number
        return None

    def _cone(self) -> list[GraphOp]:
        """Return the ops that lead to a differing output through values that the source has not."""
        makers = {name: op for op in self.graph.ops for name in op.results}
        waiting = [value for name, value in self.graph.outputs.items() if self._differs(name, value)]
        seen: dict[str, GraphOp] = {}
        while waiting:
            op = makers.get(waiting.pop())
            if op is not None and op.name not in seen:
                seen[op.name] = op
                waiting.extend(name for name in op.inputs if name not in self.aligned)
        return [op for op in self.graph.ops if op.name in seen]

    def _differs(self, name: str, value: str) -> bool:
        found, wanted = self.graph.values.get(value), self.expected.get(name)
        if found is None or wanted is None or found.size != wanted.size:
            return found is not None
        pair = ({name: torch.from_numpy(np.ascontiguousarray(each))} for each in (found, wanted))
        return distance(*pair) > self.tolerance

    def source_cone(self) -> list[TracedOp]:
        """Return the source's ops that lead to its outputs through values that the graph has not, in order."""
        matched = self.source.with_equals(self.aligned.values())
        makers = {number: position for position, op in enumerate(self.trace.ops) for number, _ in op.results}
        waiting, seen = [number for _, number in self.trace.outputs], set[int]()
        while waiting:
            number = waiting.pop()
            position = makers.get(number)
            if number not in matched and position is not None and position not in seen:
                seen.add(position)
                waiting.extend(self.trace.ops[position].inputs)
        return [self.trace.ops[position] for position in sorted(seen)]

    def _divergence(
        self, first: GraphOp, cone: Sequence[GraphOp], theirs: Sequence[TracedOp], rerun: Rerun
    ) -> GraphDivergence:
        ours = self.source.with_equals(self.aligned[name] for name in first.inputs if name in self.aligned)
        after = [op for op in theirs if ours & set(op.inputs)]
        region = _following(first, cone)
        likely = after if after else list(theirs)
        origin = likely[0].origin if likely else None
        best = GraphDivergence((first,), origin, None)
        chain = list(dict.fromkeys([*likely[:1], *_dependent(likely[:1], theirs), *likely]))
        for op in chain[:_OPS]:
            for position, ops in self._fitting(op, region):
                found = self._tried(op, ops, region[position], rerun)
                if found is not None and (best.removed is None or (found.removed or 0.0) > best.removed):
                    best = found
                if best.removed is not None and best.removed >= _CONFIRMED:
                    return best
        return best

    def _fitting(self, op: TracedOp, region: Sequence[GraphOp]) -> Iterator[tuple[int, tuple[GraphOp, ...]]]:
        """Yield the positions of values that may stand for a result of the source's op, with the ops up to them."""
        if not op.results or op.call < 0:
            return
        size, tried = op.results[0][1].size, 0
        for position, each in enumerate(region):
            array = self.graph.values.get(each.results[0])
            if array is not None and array.size == size and tried < _VALUES:
                tried += 1
                yield position, tuple(region[: position + 1])

    def _tried(self, op: TracedOp, ops: tuple[GraphOp, ...], last: GraphOp, rerun: Rerun) -> GraphDivergence | None:
        found = {name: self.graph.values[value] for name, value in self.graph.outputs.items()}
        before = _distance(found, self.expected)
        best: float | None = None
        for way in _ways(self.graph.values[last.results[0]], op.results[0][1].shape):
            outputs = rerun(Change(given={op.call: (way,)}))
            if outputs is not None:
                gone = removed(before, _distance(found, outputs))
                best = gone if best is None else max(best, gone)
        return None if best is None else GraphDivergence(ops, op.origin, best)


def _made(graph: GraphTrace) -> list[str]:
    return [name for op in graph.ops for name in op.results]


def _distance(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    left, right = (
        {name: torch.from_numpy(np.ascontiguousarray(each)) for name, each in side.items()}
        for side in (found, expected)
    )
    return distance(left, right)


def _ways(array: np.ndarray, shape: Sequence[int] | None = None) -> Iterator[np.ndarray]:
    """Yield an array as it is, then with its channels last, or first, then with its last axes exchanged.

    With `shape` only those that have it but for axes of length one.
    """
    ways = [array]
    if array.ndim >= 3:
        ways += [np.moveaxis(array, -1, 1), np.moveaxis(array, 1, -1)]
    if array.ndim >= 2:
        ways.append(np.swapaxes(array, -1, -2))
    if array.ndim >= 3:
        ways.append(np.swapaxes(array, 0, 1))
    for way in ways:
        if shape is None:
            yield way
        elif [each for each in way.shape if each != 1] == [each for each in shape if each != 1]:
            yield way.reshape(shape)


def _following(first: GraphOp, cone: Sequence[GraphOp]) -> list[GraphOp]:
    """Return an op and those of the cone that depend on it, in order."""
    known, chain = set(first.results), [first]
    for op in cone[cone.index(first) + 1 :]:
        if known & set(op.inputs):
            chain.append(op)
            known |= set(op.results)
    return chain


def _dependent(first: Sequence[TracedOp], ops: Sequence[TracedOp]) -> list[TracedOp]:
    known = {number for op in first for number, _ in op.results}
    chain = []
    for op in ops:
        if op not in first and known & set(op.inputs):
            chain.append(op)
            known |= {number for number, _ in op.results}
    return chain
