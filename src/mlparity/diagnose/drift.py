"""The error along a graph: the local error of each op, and how far its result is from that of an exact run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mlparity.core.budget import check_budget
from mlparity.diagnose.distance import Tensors
from mlparity.diagnose.locate import blamed
from mlparity.diagnose.ranges import range_of
from mlparity.engine.runtime.frame import Frame
from mlparity.engine.runtime.plan import Plan, Store
from mlparity.record.drift import DriftPoint

KEPT = 300
"""How many points a drift has at most."""


@dataclass(frozen=True, slots=True)
class Passed:
    """All results that were followed, counted, and the points that were kept of them."""

    count: int
    points: tuple[DriftPoint, ...]


def drift_of(numerics: Plan, exact: Plan, inputs: Tensors, kept: int = KEPT) -> Passed:
    """Follow both plans of one function, step by step, from the same `inputs`.

    Each step is run three times: in `numerics`, exactly on what it got there (their difference is its own), and exactly
    on the exact results. `inputs` are in the storage dtype of `numerics`. Only floating results count. Where there are
    more than `kept`, the graph is cut into as many stretches of equal length, and of each the op that loses most stays.
    """
    with torch.no_grad():
        points = tuple(_points(numerics, exact, inputs))
    return Passed(len(points), thinned(points, kept))


def thinned(points: Sequence[DriftPoint], kept: int) -> tuple[DriftPoint, ...]:
    """Return at most `kept` points: of each of as many stretches the one with the largest error of its own."""
    if len(points) <= kept:
        return tuple(points)
    ends = [len(points) * number // kept for number in range(kept + 1)]
    return tuple(max(points[start:end], key=_own) for start, end in pairwise(ends))


def _own(point: DriftPoint) -> tuple[float, float]:
    return point.local, point.accumulated


def _points(numerics: Plan, exact: Plan, inputs: Tensors) -> Iterator[DriftPoint]:
    narrow, wide, mixed = (_started(plan, inputs) for plan in (numerics, exact, exact))
    for index, step in enumerate(numerics.steps):
        check_budget()
        for frame in (wide, mixed, narrow):
            frame.step(index)
        for store in step.stores:
            results = [frame.slots[store.slot] for frame in (narrow, mixed, wide)]
            mixed.slots[store.slot] = _held(results[0], exact.profile.compute)
            found = [
                result
                for result in results
                if isinstance(result, Tensor) and result.is_floating_point() and result.numel()
            ]
            # An inner result of a group rounds nothing; a run that branched elsewhere has another shape.
            if (
                store.numerics is not None
                and len(found) == len(results)
                and len({result.shape for result in found}) == 1
            ):
                yield _point(numerics, index, store, *found)
        for frame in (wide, mixed, narrow):
            frame.free(index)


def _started(plan: Plan, inputs: Tensors) -> Frame:
    return Frame.of(plan, {name: _held(inputs[name], plan.profile.compute) for name in plan.inputs})


def _held(value: object, compute: torch.dtype) -> object:
    """Return a value in the type that a plan calculates in."""
    return value.to(compute, copy=True) if isinstance(value, Tensor) and value.is_floating_point() else value


def _point(plan: Plan, index: int, store: Store, found: Tensor, alone: Tensor, expected: Tensor) -> DriftPoint:
    op, seen = blamed(plan, index), range_of(expected)
    lost = int((torch.isfinite(alone) & ~torch.isfinite(found)).sum())
    low, high = (seen.low, seen.high) if seen.count else (math.nan, math.nan)
    return DriftPoint(
        index, op.type, op.location, store.output.name, gap(found, alone), gap(found, expected), low, high, lost
    )


def gap(found: Tensor, expected: Tensor) -> float:
    """Return the root mean square of the difference over that of the finite expected values.

    It is infinite where a NaN or an infinity has no equal, and where only zeros are expected and others are found.
    """
    left, right = found.double(), expected.double()
    equal = (left == right) | (torch.isnan(left) & torch.isnan(right))
    difference = torch.where(equal, 0.0, left - right)
    if bool(equal.all()):
        return 0.0
    size = float(right.nan_to_num(0.0, 0.0, 0.0).square().mean().sqrt())
    off = float(difference.square().mean().sqrt())
    return off / size if size and math.isfinite(off) else math.inf
