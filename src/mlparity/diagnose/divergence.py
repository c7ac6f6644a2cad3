"""Where a converted graph first computes something else than its source: the op, and the source's op for it.

Walking back from an output that differs, a value that the source has too ends the walk. Ops whose inputs all agree,
and whose results lead to the difference, are where it begins. It is confirmed by putting the source's own value there:
how much of the difference goes away.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from mlparity.core.budget import check_budget, may_be_left
from mlparity.core.trace import FirstOps, Origin, SourceTrace, TracedOp, first_of
from mlparity.diagnose.alignment import SourceValues, aligned_results, sizes_of
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.parts import SEARCH
from mlparity.diagnose.substitution import outputs_of, run_with_values, values_of
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.plan import Plan, Step

_TOLERANCES = (2e-6, 2e-5, 2e-4, 2e-3, 2e-2)
"""Of the largest element: from what fp32 constants explain to what fp16 weights explain (assumed)."""

_WRITES = frozenset({"slice_update", "scatter", "scatter_nd", "scatter_along_axis"})
"""The ops of MIL that put values into a part of a tensor.

Source: https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
"""

_CONFIRMED = 0.95
_HALF = 0.5
_HELPS = 0.02
_NEAR = 0.1
_SOURCES = 6
_INNER = 6
_NEAREST = 3
_FAULTS = 6
_STEPS = 24


@dataclass(frozen=True, slots=True, eq=False)
class Divergence:
    """One op at which the graph leaves its source.

    `ops` begin with the first op whose result agrees with nothing while its inputs agree, and end with the one whose
    result stands for the source's. `removed` is the part of the difference that goes away with the source's value
    there; None where no value of the source could be put there: then nothing is confirmed.
    """

    ops: tuple[Op, ...]
    origin: Origin | None
    removed: float | None


def first_divergences(plan: Plan, inputs: Tensors, trace: SourceTrace, expected: Tensors) -> tuple[Divergence, ...]:
    """Return where a graph in wide arithmetic leaves its source, the op that removes most first.

    `plan` is bound without kernels; `expected` are the source's outputs by the graph's names. Where the time for it is
    spent, what was found until then is returned; each tolerance has its share.
    """
    source, values = SourceValues(trace), values_of(plan, inputs)
    whole = distance(outputs_of(plan, values), expected)
    best: tuple[Divergence, ...] = ()
    for tolerance in _TOLERANCES:
        search, found = _Search(plan, trace, source, expected, tolerance), list[Divergence]()
        with may_be_left(SEARCH, share=1 / (len(_TOLERANCES) - _TOLERANCES.index(tolerance))):
            search.run(values, whole, found)
        worth = _ranked(found)
        if _gain(worth) > _gain(best) or not best:
            best = worth
        if _gain(best) >= _CONFIRMED:
            break
    return best


def first_ops(
    plan: Plan, inputs: Tensors, trace: SourceTrace, expected: Tensors, tolerance: float
) -> tuple[frozenset[str], FirstOps]:
    """Return the ops whose results differ while what they read agrees, and the source's own for them.

    Nothing is mended.
    """
    search = _Search(plan, trace, SourceValues(trace), expected, tolerance)
    return search.firsts(values_of(plan, inputs))


def _ranked(found: Sequence[Divergence]) -> tuple[Divergence, ...]:
    """Return those with which something goes away, or for which nothing could be tried, the most first."""
    worth = [divergence for divergence in found if divergence.removed is None or abs(divergence.removed) > _HELPS]
    return tuple(sorted(worth, key=lambda divergence: -(divergence.removed or 0.0)))


def _gain(found: Sequence[Divergence]) -> float:
    return sum(divergence.removed or 0.0 for divergence in found)


@dataclass(frozen=True, slots=True, eq=False)
class _Fault:
    """A first op, its candidates (gap, slot to replace, number of the source's value), and the source's op.

    `cone` holds the steps that lead to the difference.
    """

    index: int
    cone: frozenset[int]
    candidates: tuple[tuple[float, int, int], ...]
    origin: Origin | None


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """A run with the source's value in one slot, and the distance that is left."""

    fault: _Fault
    slot: int | None
    number: int
    values: Mapping[int, object]
    after: float


class _Search:
    """One search at one tolerance; faults are mended one after the other."""

    def __init__(
        self, plan: Plan, trace: SourceTrace, source: SourceValues, expected: Tensors, tolerance: float
    ) -> None:
        self.plan, self.trace, self.source = plan, trace, source
        self.expected, self.tolerance = expected, tolerance
        self.makers = {store.slot: index for index, step in enumerate(plan.steps) for store in step.stores}
        self.given: dict[int, Tensor] = {}

    def run(self, values: Mapping[int, object], whole: float, found: list[Divergence]) -> None:
        """Mend one fault after the other, and add each to `found`."""
        before = whole
        for _ in range(_STEPS):
            faults = list(self._faults(values))
            if not faults:
                break
            trial = self._mended(faults, values, before)
            gone = None if trial.slot is None else removed(whole, trial.after) - removed(whole, before)
            found.append(self._divergence(trial, gone))
            values, before = trial.values, trial.after
            if removed(whole, before) >= _CONFIRMED:
                break

    def _mended(self, faults: Sequence[_Fault], values: Mapping[int, object], before: float) -> _Trial:
        """Put the source's value at a fault: at the first fault that gains much, else at the very first.

        A fault at which no value of the source fits keeps its own value, and the trial's slot is None.
        """
        first, *others = faults[:_FAULTS]
        trial = self._tried(first, values, before)
        if removed(before, trial.after) <= _HALF:
            trials = (self._tried(fault, values, before) for fault in others)
            trial = next((other for other in trials if removed(before, other.after) > _HALF), trial)
        result = self.plan.steps[trial.fault.index].stores[0].slot if trial.slot is None else trial.slot
        kept = trial.values[result]
        if isinstance(kept, Tensor):
            self.given[result] = kept
        return trial

    def _tried(self, fault: _Fault, values: Mapping[int, object], before: float) -> _Trial:
        """Return the trial of the first of the source's values that belongs here.

        It does where it cures much, or where it is near already and makes nothing worse: then it is one fault of many.
        """
        nearest: _Trial | None = None
        for number in dict.fromkeys(number for _, _, number in fault.candidates):
            gaps = {slot: gap for gap, slot, other in fault.candidates if other == number}
            trials = {slot: self._trial(fault, slot, number, values) for slot in gaps}
            most = max(removed(before, trial.after) for trial in trials.values())
            if most > _HALF:
                return next(trial for trial in trials.values() if removed(before, trial.after) >= most - _HELPS)
            near = min(gaps, key=lambda slot: gaps[slot])
            nearest = trials[near] if nearest is None else nearest
            if gaps[near] < _NEAR and trials[near].after <= before:
                return trials[near]
        return _Trial(fault, None, -1, values, before) if nearest is None else nearest

    def _trial(self, fault: _Fault, slot: int, number: int, values: Mapping[int, object]) -> _Trial:
        new = run_with_values(self.plan, values, {**self.given, slot: self._as_value(slot, number, values)})
        return _Trial(fault, slot, number, new, distance(outputs_of(self.plan, new), self.expected))

    def _as_value(self, slot: int, number: int, values: Mapping[int, object]) -> Tensor:
        like = values[slot]
        assert isinstance(like, Tensor)  # noqa: S101 - a candidate's slot holds a tensor
        return torch.from_numpy(self.source.arrays[number]).to(like.dtype).reshape(like.shape)

    def firsts(self, values: Mapping[int, object]) -> tuple[frozenset[str], FirstOps]:
        """Return the steps that differ while what they read agrees, and the source's ops that do."""
        aligned = aligned_results(self.plan, values, self.source, self.tolerance)
        cone = self._cone(aligned)
        inside = {store.slot for index in cone for store in self.plan.steps[index].stores}
        ours = (index for index in cone if not inside.intersection(_read(self.plan.steps[index])))
        known = self.source.with_equals(aligned.values())
        theirs = first_of(self.trace, self._source_cone(known), known)
        return frozenset(self.plan.steps[index].op.location for index in ours), theirs

    def _faults(self, values: Mapping[int, object]) -> Iterator[_Fault]:
        aligned = aligned_results(self.plan, values, self.source, self.tolerance)
        aligned = dict.fromkeys(sizes_of(self.plan, values), -1) | aligned | dict.fromkeys(self.given, -1)
        cone = self._cone(aligned)
        inside = {store.slot for index in cone for store in self.plan.steps[index].stores}
        theirs = self._source_cone(frozenset(aligned.values()))
        for index in cone:
            if not any(slot in inside for slot in _read(self.plan.steps[index])):
                yield self._fault(index, cone, aligned, theirs, values)

    def _cone(self, aligned: Mapping[int, int]) -> list[int]:
        """Return the steps that lead to a differing output through values that the source has not."""
        numbers = dict(self.trace.outputs)
        waiting = [
            slot
            for name, (slot, _) in self.plan.outputs.items()
            if aligned.get(slot) is None
            or (aligned[slot] >= 0 and name in numbers and not self._equal(slot, aligned, name))
        ]
        seen: set[int] = set()
        while waiting:
            index = self.makers.get(waiting.pop())
            if index is not None and index not in seen:
                seen.add(index)
                waiting.extend(slot for slot in _read(self.plan.steps[index]) if slot not in aligned)
        return sorted(seen)

    def _equal(self, slot: int, aligned: Mapping[int, int], name: str) -> bool:
        """Tell whether an output holds what the source's output of this name holds, and not another of its values."""
        wanted = self.source.arrays.get(dict(self.trace.outputs)[name])
        return wanted is None or self.source.same(aligned[slot], dict(self.trace.outputs)[name], self.tolerance)

    def _source_cone(self, matched: frozenset[int]) -> list[TracedOp]:
        """Return the source's ops that lead to its outputs through values that the graph has not, in order."""
        makers = {number: index for index, op in enumerate(self.trace.ops) for number, _ in op.results}
        waiting = [number for _, number in self.trace.outputs]
        seen: set[int] = set()
        while waiting:
            number = waiting.pop()
            index = makers.get(number)
            if number not in matched and index is not None and index not in seen:
                seen.add(index)
                waiting.extend(self.trace.ops[index].inputs)
        return [self.trace.ops[index] for index in sorted(seen)]

    def _fault(
        self,
        index: int,
        cone: Sequence[int],
        aligned: Mapping[int, int],
        theirs: Sequence[TracedOp],
        values: Mapping[int, object],
    ) -> _Fault:
        ours = {aligned[slot] for slot in _read(self.plan.steps[index]) if slot in aligned}
        after = [op for op in theirs if ours & set(op.inputs)]
        chain = _followed(after[0], theirs) if after else list(theirs)
        ops = [*chain[:_SOURCES], *self._of_one_size(chain[_SOURCES:], index, values)]
        within = frozenset(cone)
        following = [other for other in cone if other >= index and self._follows(other, index, within)]
        passed = self._passed_by_all(following)
        numbers = [number for op in ops for number, _ in op.results if not self._is_one_of(number, ours)]
        candidates = [candidate for number in numbers for candidate in self._likely(number, passed, following, values)]
        return _Fault(index, within, tuple(candidates), ops[0].origin if ops else None)

    def _is_one_of(self, number: int, known: Collection[int]) -> bool:
        """Tell whether a value of the source is one that agrees already, as the view of one is."""
        return any(number == other or self.source.same(number, other, self.tolerance) for other in known if other >= 0)

    def _of_one_size(self, chain: Sequence[TracedOp], index: int, values: Mapping[int, object]) -> Iterator[TracedOp]:
        """Yield the first of the source's ops with a result of the step's size: one may stand for many, as an LSTM."""
        result = values.get(self.plan.steps[index].stores[0].slot)
        size = result.numel() if isinstance(result, Tensor) else 0
        fitting = (op for op in chain if any(array.size == size for _, array in op.results))
        yield from islice(fitting, _NEAREST)

    def _likely(
        self, number: int, passed: Sequence[int], indices: Sequence[int], values: Mapping[int, object]
    ) -> list[tuple[float, int, int]]:
        """Return where a value of the source may belong: results of as many elements.

        First come the first that every path from the first op passes, in order, then the nearest of all others.
        """
        inner = self._gaps(number, passed, values)[:_INNER]
        others = sorted(gap for gap in self._gaps(number, indices, values) if gap not in inner)
        return [(gap, slot, number) for gap, slot in (*inner, *others[:_NEAREST])]

    def _gaps(self, number: int, indices: Sequence[int], values: Mapping[int, object]) -> list[tuple[float, int]]:
        check_budget()
        slots = [store.slot for index in indices for store in self.plan.steps[index].stores[:1]]
        gaps = [
            (self.source.gap(value, number), slot) for slot in slots if isinstance(value := values.get(slot), Tensor)
        ]
        return [(gap, slot) for gap, slot in gaps if gap < math.inf]

    def _passed_by_all(self, indices: Sequence[int]) -> list[int]:
        """Return those of `indices`, which follow their first, that every path from it to an output passes."""
        readers: dict[int, int] = {}
        for index in indices:
            for slot in _read(self.plan.steps[index]):
                readers[slot] = max(index, readers.get(slot, 0))
        given_back = {slot for slot, _ in self.plan.outputs.values()}
        passed, reach = [], indices[0]
        for index in indices:
            if reach <= index:
                passed.append(index)
            slots = [store.slot for store in self.plan.steps[index].stores]
            reach = max(reach, *(readers.get(slot, 0) for slot in slots))
            if given_back.intersection(slots):
                break
        return passed

    def _follows(self, index: int, first: int, cone: frozenset[int]) -> bool:
        """Tell whether a step depends on another through steps that lead to the difference."""
        waiting, seen = [index], set[int]()
        while waiting:
            current = waiting.pop()
            if current == first:
                return True
            if current > first and current in cone and current not in seen:
                seen.add(current)
                made = (self.makers.get(slot) for slot in _read(self.plan.steps[current]))
                waiting.extend(maker for maker in made if maker is not None)
        return False

    def _divergence(self, trial: _Trial, gone: float | None) -> Divergence:
        fault = trial.fault
        last = fault.index if trial.slot is None else self.makers[trial.slot]
        between = [
            index
            for index in range(fault.index, last + 1)
            if self._follows(index, fault.index, fault.cone) and self._follows(last, index, fault.cone)
        ]
        made_by = {number: op.origin for op in self.trace.ops for number, _ in op.results}
        origin = self._write_before(trial, between) or made_by.get(trial.number, fault.origin)
        return Divergence(tuple(self.plan.steps[index].op for index in between), origin, gone)

    def _write_before(self, trial: _Trial, between: Sequence[int]) -> Origin | None:
        """Return the source's write into a part of a tensor, where a step of `between` stands for one.

        It has no result that another op reads by number: what differs is seen in the op that reads the tensor after it.
        It is the write of what is nearest to what the step writes, before that op, or that op itself.
        """
        written = (self._written(self.plan.steps[index], trial.values) for index in between)
        value = next((each for each in written if each is not None), None)
        calls = {number: op.call for op in self.trace.ops for number, _ in op.results}
        writes = [op for op in self.trace.ops if op.is_write and 0 <= op.call <= calls.get(trial.number, -1)]
        if value is None or not writes:
            return None
        gaps = [min((self.source.gap(value, number) for number, _ in op.results), default=math.inf) for op in writes]
        nearest = min(range(len(writes)), key=lambda index: (gaps[index], -index))
        return writes[nearest].origin if gaps[nearest] < math.inf else None

    @staticmethod
    def _written(step: Step, values: Mapping[int, object]) -> Tensor | None:
        """Return what a step writes into a part of a tensor, None where it does not."""
        if step.op.type not in _WRITES:
            return None
        slots = [slot for feed in step.feeds if feed.parameter in ("update", "updates") for slot in feed.slots]
        value = values.get(slots[0]) if slots else None
        return value if isinstance(value, Tensor) else None


def _followed(first: TracedOp, ops: Sequence[TracedOp]) -> list[TracedOp]:
    """Return an op of the source and those after it that depend on it, in order."""
    known = {number for number, _ in first.results}
    chain = [first]
    for op in ops[ops.index(first) + 1 :]:
        if known & set(op.inputs):
            chain.append(op)
            known |= {number for number, _ in op.results}
    return chain


def _read(step: Step) -> list[int]:
    return [slot for feed in step.feeds for slot in feed.slots]
