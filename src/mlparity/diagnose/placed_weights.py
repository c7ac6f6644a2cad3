"""A constant that stands where the source reads a weight which the artifact holds elsewhere, such as a tied one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from mlparity.diagnose.constants import layouts
from mlparity.diagnose.distance import distance, removed
from mlparity.diagnose.preprocessing import VANISHED
from mlparity.diagnose.rungs import Rungs
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.plan import Step

_TRIED = 24
"""How many weights are put into a constant's place at most (assumed)."""


@dataclass(frozen=True, slots=True)
class PlacedWeight:
    """The weight of the source that belongs into a constant's place, by its name, and the part that goes with it."""

    name: str
    removed: float


def weight_for(rungs: Rungs, ops: Collection[Op], unclaimed: Collection[str]) -> PlacedWeight | None:
    """Return the source's weight that makes the difference vanish in the place of an unclaimed constant of `ops`."""
    before = min(rungs.whole, 1.0)
    steps = [step for step in rungs.exact.steps if step.op in ops]
    for slot, name, array in islice(_fitting(rungs, steps, unclaimed, rungs.weights), _TRIED):
        initial = list(rungs.exact.initial)
        held = initial[slot]
        assert isinstance(held, Tensor)  # noqa: S101 - see `_fitting`
        initial[slot] = torch.from_numpy(np.ascontiguousarray(array)).to(held.dtype)
        outputs = rungs.run(replace(rungs.exact, initial=tuple(initial)), rungs.inputs)
        gone = removed(before, distance(outputs, rungs.expected))
        if gone >= VANISHED:
            return PlacedWeight(name, gone)
    return None


def _fitting(
    rungs: Rungs, steps: Collection[Step], unclaimed: Collection[str], weights: Mapping[str, np.ndarray]
) -> Iterator[tuple[int, str, np.ndarray]]:
    """Yield the slots of unclaimed constants that these steps read, each with a weight of its shape."""
    slots = dict.fromkeys(slot for step in steps for feed in step.feeds for slot in feed.slots)
    for slot in slots:
        held = rungs.exact.initial[slot] if f"slot {slot}" in unclaimed else None
        if isinstance(held, Tensor) and held.is_floating_point():
            for name, weight in weights.items():
                yield from ((slot, name, way) for way in layouts(weight, held.shape))
