"""Which ops overflow: an op's exact result on the same inputs is finite, and what is stored is not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.local_errors import LocalErrors
from mlparity.diagnose.substitution import exact_results, run_with_exact
from mlparity.engine.runtime.plan import Plan

_LONGEST = 32
"""Where a chain is given up (assumed); each link costs a part of a run."""


@dataclass(frozen=True, slots=True)
class OverflowLink:
    """A step that overflows: how many elements are lost, and the largest finite exact value."""

    index: int
    lost: int
    peak: float


@dataclass(frozen=True, slots=True)
class OverflowChain:
    """The steps that have to be exact together, in order, and the part of the distance that goes away with them."""

    links: tuple[OverflowLink, ...]
    removed: float


def overflow_chain(numerics: Plan, exact: Plan, run: LocalErrors, expected: Tensors) -> OverflowChain:
    """Make the first op that overflows exact, then the next that now does, until none does; drop those not needed."""
    links: dict[int, OverflowLink] = {}
    values = dict(run.values)
    outputs: Mapping[str, Tensor] = run.outputs
    while len(links) < _LONGEST:
        found = _first_overflow(numerics, exact, values, links)
        if found is None:
            break
        links[found.index] = found
        outputs, made = run_with_exact(numerics, exact, values, set(links))
        values.update(made)
    gone = removed(run.distance, distance(outputs, expected))
    needed = _needed(numerics, exact, run, expected, set(links), gone) if gone > 0 else set(links)
    return OverflowChain(tuple(links[index] for index in sorted(needed)), gone)


def _first_overflow(
    numerics: Plan, exact: Plan, values: Mapping[int, object], known: Collection[int]
) -> OverflowLink | None:
    for index, step in enumerate(numerics.steps):
        stored = [values[store.slot] for store in step.stores]
        if index in known or all(_is_finite(value) for value in stored):
            continue
        for right, left in zip(exact_results(exact, values, index), stored, strict=True):
            if isinstance(right, Tensor) and isinstance(left, Tensor) and right.is_floating_point():
                lost = int((torch.isfinite(right) & ~torch.isfinite(left)).sum())
                if lost:
                    return OverflowLink(index, lost, float(right.abs().nan_to_num(0.0, 0.0, 0.0).max()))
    return None


def _is_finite(value: object) -> bool:
    return not isinstance(value, Tensor) or not value.is_floating_point() or bool(torch.isfinite(value).all())


def _needed(
    numerics: Plan, exact: Plan, run: LocalErrors, expected: Tensors, indices: set[int], gone: float
) -> set[int]:
    """Return `indices` without those that remove nothing: dropping them leaves (nearly) all of the gain."""
    kept = set(indices)
    for index in sorted(indices, reverse=True):
        rest = kept - {index}
        if not rest:
            break
        outputs, _ = run_with_exact(numerics, exact, run.values, rest)
        if removed(run.distance, distance(outputs, expected)) >= gone - _SLACK:
            kept = rest
    return kept


_SLACK = 0.01
