"""Where a converted graph first computes something else than its source: the op, and the source's op in its place.

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

from mlparity.core.trace import Origin, SourceTrace, TracedOp
from mlparity.diagnose.alignment import SourceValues, aligned_results
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.substitution import outputs_of, run_with_values, values_of
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.plan import Plan, Step

_TOLERANCES = (2e-6, 2e-5, 2e-4, 2e-3, 2e-2)
"""Of the largest element: from what fp32 constants explain to what fp16 weights explain (assumed)."""

_CONFIRMED = 0.95
_HALF = 0.5
_HELPS = 0.02
_NEAR = 0.1
_SOURCES = 6
_PLACES = 6
_NEAREST = 3
_FAULTS = 6
_STEPS = 24


@dataclass(frozen=True, slots=True, eq=False)
class Divergence:
    """One place where the graph leaves its source.

    `ops` begin with the first op whose result agrees with nothing while its inputs agree, and end with the one whose
    result stands for the source's. `removed` is the part of the difference that goes away with the source's value
    there; None where no value of the source could be put there: then nothing is confirmed.
    """

    ops: tuple[Op, ...]
    origin: Origin | None
    removed: float | None


def first_divergences(plan: Plan, inputs: Tensors, trace: SourceTrace, expected: Tensors) -> tuple[Divergence, ...]:
    """Return where a graph in wide arithmetic leaves its source, the place that removes most first.

    `plan` is bound without kernels; `expected` are the source's outputs by the graph's names.
    """
    source, values = SourceValues(trace), values_of(plan, inputs)
    whole = distance(outputs_of(plan, values), expected)
    best: tuple[Divergence, ...] = ()
    for tolerance in _TOLERANCES:
        search = _Search(plan, trace, source, expected, tolerance)
        found = search.run(values, whole)
        if _gain(found) > _gain(best) or not best:
            best = found
        if _gain(best) >= _CONFIRMED:
            break
    return best


def _gain(found: Sequence[Divergence]) -> float:
    return sum(each.removed or 0.0 for each in found)


@dataclass(frozen=True, slots=True, eq=False)
class _Fault:
    """A first op, its candidates (gap, slot to replace, number of the source's value), and the source's op."""

    place: int
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
        self.makers = {store.slot: place for place, step in enumerate(plan.steps) for store in step.stores}
        self.given: dict[int, Tensor] = {}

    def run(self, values: Mapping[int, object], whole: float) -> tuple[Divergence, ...]:
        found: list[Divergence] = []
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
        worth = [each for each in found if each.removed is None or abs(each.removed) > _HELPS]
        return tuple(sorted(worth, key=lambda each: -(each.removed or 0.0)))

    def _mended(self, faults: Sequence[_Fault], values: Mapping[int, object], before: float) -> _Trial:
        """Put the source's value in a fault's places: of the first fault that gains much, else of the very first.

        A fault without a place for the source's value keeps its own value, and the trial's slot is None.
        """
        trials = [self._tried(fault, values, before) for fault in faults[:_FAULTS]]
        trial = next((each for each in trials if removed(before, each.after) > _HALF), trials[0])
        result = self.plan.steps[trial.fault.place].stores[0].slot if trial.slot is None else trial.slot
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
            gaps = {slot: gap for gap, slot, each in fault.candidates if each == number}
            trials = {slot: self._trial(fault, slot, number, values) for slot in gaps}
            most = max(removed(before, each.after) for each in trials.values())
            if most > _HALF:
                return next(each for each in trials.values() if removed(before, each.after) >= most - _HELPS)
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

    def _faults(self, values: Mapping[int, object]) -> Iterator[_Fault]:
        aligned = aligned_results(self.plan, values, self.source, self.tolerance) | dict.fromkeys(self.given, -1)
        cone = self._cone(aligned)
        inside = {store.slot for place in cone for store in self.plan.steps[place].stores}
        theirs = self._source_cone(frozenset(aligned.values()))
        for place in cone:
            if not any(slot in inside for slot in _read(self.plan.steps[place])):
                yield self._fault(place, cone, aligned, theirs, values)

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
            place = self.makers.get(waiting.pop())
            if place is not None and place not in seen:
                seen.add(place)
                waiting.extend(slot for slot in _read(self.plan.steps[place]) if slot not in aligned)
        return sorted(seen)

    def _equal(self, slot: int, aligned: Mapping[int, int], name: str) -> bool:
        """Tell whether an output holds what the source's output of this name holds, and not another of its values."""
        wanted = self.source.arrays.get(dict(self.trace.outputs)[name])
        return wanted is None or self.source.same(aligned[slot], dict(self.trace.outputs)[name], self.tolerance)

    def _source_cone(self, matched: frozenset[int]) -> list[TracedOp]:
        """Return the source's ops that lead to its outputs through values that the graph has not, in order."""
        makers = {number: place for place, op in enumerate(self.trace.ops) for number, _ in op.results}
        waiting = [number for _, number in self.trace.outputs]
        seen: set[int] = set()
        while waiting:
            number = waiting.pop()
            place = makers.get(number)
            if number not in matched and place is not None and place not in seen:
                seen.add(place)
                waiting.extend(self.trace.ops[place].inputs)
        return [self.trace.ops[place] for place in sorted(seen)]

    def _fault(
        self,
        place: int,
        cone: Sequence[int],
        aligned: Mapping[int, int],
        theirs: Sequence[TracedOp],
        values: Mapping[int, object],
    ) -> _Fault:
        ours = {aligned[slot] for slot in _read(self.plan.steps[place]) if slot in aligned}
        after = [op for op in theirs if ours & set(op.inputs)]
        chain = _followed(after[0], theirs) if after else list(theirs)
        ops = [*chain[:_SOURCES], *self._of_one_size(chain[_SOURCES:], place, values)]
        places = [each for each in cone if each >= place and self._follows(each, place)]
        passed = self._passed_by_all(places)
        numbers = [number for op in ops for number, _ in op.results if not self._is_one_of(number, ours)]
        candidates = [each for number in numbers for each in self._likely(number, passed, places, values)]
        return _Fault(place, tuple(candidates), ops[0].origin if ops else None)

    def _is_one_of(self, number: int, known: Collection[int]) -> bool:
        """Tell whether a value of the source is one that agrees already, as the view of one is."""
        return any(number == each or self.source.same(number, each, self.tolerance) for each in known if each >= 0)

    def _of_one_size(self, chain: Sequence[TracedOp], place: int, values: Mapping[int, object]) -> Iterator[TracedOp]:
        """Yield the first of the source's ops with a result of the step's size: one may stand for many, as an LSTM."""
        result = values.get(self.plan.steps[place].stores[0].slot)
        size = result.numel() if isinstance(result, Tensor) else 0
        fitting = (op for op in chain if any(array.size == size for _, array in op.results))
        yield from islice(fitting, _NEAREST)

    def _likely(
        self, number: int, passed: Sequence[int], places: Sequence[int], values: Mapping[int, object]
    ) -> list[tuple[float, int, int]]:
        """Return where a value of the source may belong: results of as many elements.

        First come the first that every path from the first op passes, in order, then the nearest of all others.
        """
        inner = self._gaps(number, passed, values)[:_PLACES]
        others = sorted(each for each in self._gaps(number, places, values) if each not in inner)
        return [(gap, slot, number) for gap, slot in (*inner, *others[:_NEAREST])]

    def _gaps(self, number: int, places: Sequence[int], values: Mapping[int, object]) -> list[tuple[float, int]]:
        slots = [store.slot for place in places for store in self.plan.steps[place].stores[:1]]
        gaps = [(self.source.gap(each, number), slot) for slot in slots if isinstance(each := values.get(slot), Tensor)]
        return [(gap, slot) for gap, slot in gaps if gap < math.inf]

    def _passed_by_all(self, places: Sequence[int]) -> list[int]:
        """Return those of `places`, which follow their first, that every path from it to an output passes."""
        readers: dict[int, int] = {}
        for place in places:
            for slot in _read(self.plan.steps[place]):
                readers[slot] = max(place, readers.get(slot, 0))
        given_back = {slot for slot, _ in self.plan.outputs.values()}
        passed, reach = [], places[0]
        for place in places:
            if reach <= place:
                passed.append(place)
            slots = [store.slot for store in self.plan.steps[place].stores]
            reach = max(reach, *(readers.get(slot, 0) for slot in slots))
            if given_back.intersection(slots):
                break
        return passed

    def _follows(self, place: int, first: int) -> bool:
        """Tell whether a step depends on another."""
        waiting, seen = [place], set[int]()
        while waiting:
            each = waiting.pop()
            if each == first:
                return True
            if each > first and each not in seen:
                seen.add(each)
                made = (self.makers.get(slot) for slot in _read(self.plan.steps[each]))
                waiting.extend(maker for maker in made if maker is not None)
        return False

    def _divergence(self, trial: _Trial, gone: float | None) -> Divergence:
        fault = trial.fault
        last = fault.place if trial.slot is None else self.makers[trial.slot]
        between = [
            each
            for each in range(fault.place, last + 1)
            if self._follows(each, fault.place) and self._follows(last, each)
        ]
        made_by = {number: op.origin for op in self.trace.ops for number, _ in op.results}
        origin = made_by.get(trial.number, fault.origin)
        return Divergence(tuple(self.plan.steps[each].op for each in between), origin, gone)


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
