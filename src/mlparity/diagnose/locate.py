"""Which ops carry a difference: all are ranked at once, the first of them are confirmed one by one.

To first order the contributions of all ops add up to the observed difference. Where that fails (an overflow, a NaN,
a path through integers) the ops are searched by making them exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlparity.core.errors import InputError
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.local_errors import LocalError, LocalErrors, follow
from mlparity.diagnose.overflow import OverflowChain, overflow_chain
from mlparity.diagnose.substitution import run_with_exact
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.fuse import FOLLOWERS, PRODUCERS
from mlparity.engine.runtime.plan import Plan

CONFIRMED = 3
"""How many of the first ops are confirmed where nobody asks for another number."""

_SEARCHED = 12
_ENOUGH = 0.9
"""The part of a difference that one op takes away and that ends a search (assumed)."""

_WITHIN = (0.5, 1.5)
"""The explained share within which the first order is taken to hold (assumed)."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspect:
    """One op and what it carries.

    `share` is its part of the observed difference to first order, and may be negative; None where first order failed.
    `removed` is the part that goes away with this op alone made exact; None where that was not tried. `lost` elements
    overflowed; `peak` is the largest exact value of its result.
    """

    op: Op
    index: int
    share: float | None
    removed: float | None
    lost: int
    peak: float

    @property
    def weight(self) -> float:
        """How high it is ranked: by what was confirmed, else by its share."""
        return self.removed if self.removed is not None else abs(self.share or 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Location:
    """The ops by what they carry; `distance` is the observed one (see `distance`), of the sample with the largest.

    `explained` is the sum of all contributions over the observed difference: 1.0 where first order holds exactly;
    None where it has no value. `chain` are the ops that overflow one after the other and have to be exact together;
    the `removed` of each is that of all.
    """

    suspects: tuple[Suspect, ...]
    distance: float
    explained: float | None
    chain: tuple[Op, ...] = ()

    @property
    def first_order(self) -> bool:
        """Whether the contributions add up to the difference, so that the ranking rests on them."""
        return self.explained is not None and _WITHIN[0] <= self.explained <= _WITHIN[1]


def locate(
    numerics: Plan, exact: Plan, samples: Sequence[tuple[Tensors, Tensors]], confirmed: int = CONFIRMED
) -> Location:
    """Rank the ops of a program by what they carry of the difference between `numerics` and `exact`.

    `samples` pairs inputs with the exact outputs on them. Shares are over all samples, weighted by their differences;
    confirmation is on the sample with the largest.

    Raises:
        InputError: there is no sample.
        FormatError: the plans are not of the same steps, as plans bound with kernels are not.
    """
    if not samples:
        raise InputError("there is no sample to locate ops on", next_step="give at least one")
    runs = [(follow(numerics, exact, inputs, expected), expected) for inputs, expected in samples]
    worst, expected = max(runs, key=lambda run: run[0].distance)
    if worst.distance == 0:
        return Location((), 0.0, None)
    shares, explained = _shares([run for run, _ in runs])
    location = Location(_ranked(numerics, worst, shares), worst.distance, explained)
    if location.first_order:
        return _confirmed(location, numerics, exact, worst, expected, confirmed)
    return _searched(location, numerics, exact, worst, expected)


def _shares(runs: Sequence[LocalErrors]) -> tuple[Mapping[int, float], float | None]:
    """Return each step's share over all samples, and their sum; nothing where a difference is not finite."""
    whole = math.fsum(run.distance for run in runs)
    if not math.isfinite(whole):
        return {}, None
    sums: dict[int, float] = {}
    for run in runs:
        for error in run.errors:
            if error.contribution is not None:
                sums[error.index] = sums.get(error.index, 0.0) + error.contribution / whole
    return sums, math.fsum(sums.values()) if sums else None


def _ranked(plan: Plan, run: LocalErrors, shares: Mapping[int, float]) -> tuple[Suspect, ...]:
    by_index: dict[int, LocalError] = {}
    for error in run.errors:
        known = by_index.get(error.index)
        by_index[error.index] = error if known is None else replace(known, lost=known.lost + error.lost)
    suspects = [
        Suspect(blamed(plan, index), index, shares.get(index), None, error.lost, error.peak)
        for index, error in by_index.items()
    ]
    return tuple(sorted(suspects, key=lambda suspect: suspect.weight, reverse=True))


def blamed(plan: Plan, index: int) -> Op:
    """Return the op whose result a step rounds: the producer before an activation that only selects."""
    step = plan.steps[index]
    if step.op.type not in FOLLOWERS or step.stores[0].numerics is None:
        return step.op
    fed = {slot for feed in step.feeds if feed.parameter == "x" for slot in feed.slots}
    for earlier in reversed(plan.steps[:index]):
        if earlier.stores[0].slot in fed:
            is_inner = earlier.op.type in PRODUCERS and earlier.stores[0].numerics is None
            return earlier.op if is_inner else step.op
    return step.op


def _confirmed(
    location: Location, numerics: Plan, exact: Plan, run: LocalErrors, expected: Tensors, count: int
) -> Location:
    tried = tuple(_with_removed(suspect, numerics, exact, run, expected) for suspect in location.suspects[:count])
    return replace(location, suspects=(*tried, *location.suspects[count:]))


def _with_removed(suspect: Suspect, numerics: Plan, exact: Plan, run: LocalErrors, expected: Tensors) -> Suspect:
    outputs, _ = run_with_exact(numerics, exact, run.values, {suspect.index})
    return replace(suspect, removed=removed(run.distance, distance(outputs, expected)))


def _searched(location: Location, numerics: Plan, exact: Plan, run: LocalErrors, expected: Tensors) -> Location:
    errors = {error.index: error for error in run.errors}
    if any(error.lost for error in run.errors):
        found = overflow_chain(numerics, exact, run, expected)
        if found.removed > 0:
            return _led_by(location, numerics, found)
    by_error = sorted(location.suspects, key=lambda suspect: _relative(errors[suspect.index]), reverse=True)
    leading = {suspect.index: suspect for suspect in (*location.suspects[: _SEARCHED // 2], *by_error)}
    tried: list[Suspect] = []
    for suspect in [*leading.values()][:_SEARCHED]:
        tried.append(_with_removed(suspect, numerics, exact, run, expected))
        if tried[-1].weight >= _ENOUGH:
            break
    return _led(location, sorted(tried, key=lambda suspect: suspect.weight, reverse=True))


def _led_by(location: Location, numerics: Plan, found: OverflowChain) -> Location:
    leading = [
        Suspect(blamed(numerics, link.index), link.index, None, found.removed, link.lost, link.peak)
        for link in found.links
    ]
    return replace(_led(location, leading), chain=tuple(suspect.op for suspect in leading))


def _led(location: Location, leading: Sequence[Suspect]) -> Location:
    known = {suspect.index for suspect in leading}
    return replace(
        location, suspects=(*leading, *(suspect for suspect in location.suspects if suspect.index not in known))
    )


def _relative(error: LocalError) -> float:
    return error.norm / error.peak if error.peak else 0.0
