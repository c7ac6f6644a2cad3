"""The source's own weights in the place of compressed ones: what an artifact would compute without its compression."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mlparity.diagnose.compressed_weights import Compressed, compressed, compression_intervals
from mlparity.diagnose.constants import foldings, joined, layouts
from mlparity.diagnose.rungs import Rungs
from mlparity.engine.mil.program import TensorType
from mlparity.engine.runtime.plan import Plan

_WITHIN = 3.0
"""How many times the error that a compression makes on average its own may be (assumed; a palette of two entries makes
1.3 times as much). Weights further away are other weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """An artifact with the source's weights: `names` of these by the slots of the exact plan, and how many there are.

    `changes` are the stored numbers less the source's, by slot.
    """

    rungs: Rungs
    names: Mapping[int, str]
    changes: Mapping[int, Tensor]
    of: int

    def without(self, slot: int, stored: Plan) -> Plan:
        """Return the numerics of `stored` with this one weight restored."""
        index = {each.key: each.slot for each in compressed(stored)}
        key = next(each.key for each in compressed(self.rungs.exact) if each.slot == slot)
        initial = list(stored.initial)
        initial[index[key]] = self.rungs.numerics.initial[index[key]]
        return replace(stored, initial=tuple(initial))


def restored(rungs: Rungs) -> Restored | None:
    """Return the artifact with the source's weights, rounded as it would store them; None where it holds none of them.

    A compressed constant is a weight of the source that it is as near to as its compression explains: in any layout
    that a converter may choose, and with a batch norm in it.
    """
    found = list(compressed(rungs.exact))
    widths = compression_intervals(rungs.exact)
    if not found or not rungs.weights:
        return None
    candidates = dict(_candidates(rungs))
    own = {each.key: _own(each, widths[0][each.slot].width, candidates) for each in found}
    values = {key: match for key, match in own.items() if match is not None}
    if not values:
        return None
    exact, numerics = (_with(plan, {key: value for key, (_, value) in values.items()}) for plan in _plans(rungs))
    slots = {each.slot: each for each in found if each.key in values}
    changes = {slot: each.value.double() - values[each.key][1].double() for slot, each in slots.items()}
    names = {slot: values[each.key][0] for slot, each in slots.items()}
    plain = replace(rungs, exact=exact, numerics=numerics, restored=frozenset(slots))
    return Restored(plain, names, changes, len(found))


def _plans(rungs: Rungs) -> tuple[Plan, Plan]:
    return rungs.exact, rungs.numerics


def _with(plan: Plan, values: Mapping[str, Tensor]) -> Plan:
    initial = list(plan.initial)
    for each in compressed(plan):
        if each.key in values:
            initial[each.slot] = values[each.key].to(each.value.dtype)
    return replace(plan, initial=tuple(initial))


def _candidates(rungs: Rungs) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the source's weights by their names: first those with a norm in them, which a converter prefers."""
    trace = rungs.trace()
    folded = foldings(trace, rungs.weights) if trace is not None else ()
    for each in folded:
        yield joined(each.layer, "weight"), each.weight(rungs.weights)
    inside = {joined(each.layer, "weight") for each in folded}
    yield from ((name, array) for name, array in rungs.weights.items() if name not in inside and array.ndim > 1)


def _own(found: Compressed, width: Tensor, candidates: Mapping[str, np.ndarray]) -> tuple[str, Tensor] | None:
    """Return the weight that a constant stands for, with its name, as it would be stored without the compression."""
    stored, best = found.value.double().numpy(), math.inf
    match: tuple[str, np.ndarray] | None = None
    few = rows_apart(stored)
    for name, array in candidates.items():
        for way in layouts(array, stored.shape) if array.size == stored.size else ():
            apart = _rms(rows_apart(way) - few)
            if apart < best:
                best, match = apart, (name, way)
    if match is None or not _is_explained(match[1] - stored, stored, width.double().numpy()):
        return None
    name, way = match
    value = torch.from_numpy(np.array(way, np.float64))
    return name, value.half().double() if _is_half(found) else value


def rows_apart(values: np.ndarray) -> np.ndarray:
    """Return rows that lie evenly apart, enough of them to tell which weight is nearest."""
    return values[:: max(1, min(values.size // _ENOUGH, len(values) // 8))] if values.ndim else values


def _is_explained(apart: np.ndarray, stored: np.ndarray, width: np.ndarray) -> bool:
    """Tell whether a compression may make such an error, both where it left something and where it left zeros.

    Numbers that are spread evenly over a width stray by the root of its 12th.
    """
    rounding = _ROUNDING * _rms(stored)
    parts = (part for part in (stored == 0, stored != 0) if part.any())
    return all(_rms(apart[part]) <= _WITHIN * _rms(width[part]) / math.sqrt(12) + rounding for part in parts)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


_ENOUGH = 2**15
"""Numbers by which weights are told apart (assumed); whether the nearest one is explained is asked of all."""

_ROUNDING = 1e-3
"""What rounding to fp16 may move a weight by, of its size."""


def _is_half(found: Compressed) -> bool:
    kind = found.op.outputs[0].type
    return isinstance(kind, TensorType) and kind.dtype == "fp16"
