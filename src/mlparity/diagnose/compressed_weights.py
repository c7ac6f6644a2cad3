"""Constants that are stored in fewer bits: each stands for the numbers that the same bits would have been made of.

A quantised number stands for one step of its scale, an entry of a table for what is nearer to it than to the entries
beside it, and a zero of a pruned tensor for what is smaller than all that was kept (magnitude pruning, assumed).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mlparity.diagnose.moved_weights import Interval, Intervals
from mlparity.engine.mil.program import Name, Op, Value
from mlparity.engine.runtime.plan import Plan, Step


class Compressed(NamedTuple):
    """A constant that an op reads expanded: its slot, what it holds, and the op that expands it."""

    slot: int
    value: Tensor
    op: Op

    @property
    def key(self) -> str:
        """The name of the expanded constant, the same in every plan of a program."""
        return self.op.outputs[0].name


def compressed(plan: Plan) -> Iterator[Compressed]:
    """Yield the constants of a plan that are stored in fewer bits: quantised, palettised or sparse."""
    makers = {output.name: op for op in expanding(plan) for output in op.outputs}
    seen: set[int] = set()
    for step in plan.steps:
        for feed in step.feeds:
            names = (each.name for each in step.op.inputs.get(feed.parameter, ()) if isinstance(each, Name))
            for slot, name in zip(feed.slots, names, strict=False):
                value = plan.initial[slot]
                if name in makers and slot not in seen and isinstance(value, Tensor) and value.is_floating_point():
                    seen.add(slot)
                    yield Compressed(slot, value, makers[name])


def expanding(plan: Plan) -> list[Op]:
    """Return the ops that expand stored weights; a cast alone stores nothing in fewer bits."""
    ops = plan.function.body.ops
    return [op for op in ops if op.type.startswith("constexpr_") and op.type != "constexpr_cast"]


def compression_intervals(plan: Plan, but: Collection[int] = ()) -> tuple[Intervals, ...]:
    """Return what the compressed numbers stand for, in each way to read that; nothing where there are none.

    Slots of `but` hold other numbers than the compressed ones, and are left out.

    The first and the last entry of a table may stand for what is around them, as after a clustering, or be the least
    and the greatest number that there was: then their intervals lie inside.
    """
    found = [each for each in compressed(plan) if each.slot not in but]
    if not found:
        return ()
    around = {each.slot: Interval(_width(each.op, each.value)) for each in found}
    if not any(_has_table(each.op) for each in found):
        return (around,)
    inside = {each.slot: _inside(each, around[each.slot]) for each in found}
    return (around, inside)


def names_of(plan: Plan, weights: Mapping[str, np.ndarray], but: Collection[int] = ()) -> dict[int, str]:
    """Return, by the index of the step that reads it, the source's weight that a compressed constant is most like.

    It has the same shape, and the cosine of both is at least 0.5 (assumed: folding a norm changes the length of rows).
    """
    readers = {slot: index for index, step in reversed(list(enumerate(plan.steps))) for slot in _slots(step)}
    own = (each for each in compressed(plan) if each.slot not in but)
    found = ((readers[each.slot], _most_like(each.value.numpy(), weights)) for each in own)
    return {index: name for index, name in found if name}


def _slots(step: Step) -> Iterator[int]:
    return (slot for feed in step.feeds for slot in feed.slots)


def _most_like(value: np.ndarray, weights: Mapping[str, np.ndarray]) -> str:
    alike = {name: _cosine(value, other) for name, other in weights.items() if other.shape == value.shape}
    best = max(alike, key=lambda name: alike[name], default="")
    return best if best and alike[best] >= _ALIKE else ""


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    one, other = (np.asarray(each, np.float64).ravel() for each in (first, second))
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / lengths) if lengths > 0 else 0.0


_ALIKE = 0.5


def _width(op: Op, value: Tensor) -> Tensor:
    return _WIDTHS.get(op.type, _of_table)(op, value)


def _has_table(op: Op) -> bool:
    return op.type not in _WIDTHS


def _inside(found: Compressed, interval: Interval) -> Interval:
    if not _has_table(found.op) or not found.value.numel():
        return interval
    first, last = found.value == found.value.min(), found.value == found.value.max()
    width, quarter = interval.width, interval.width / 4
    centre = torch.where(first, quarter, torch.where(last, -quarter, 0.0))
    return Interval(torch.where(first | last, width / 2, width), centre)


def _of_scale(op: Op, value: Tensor) -> Tensor:
    """The scale, along its axis or in its blocks; by the numbers themselves where the scale is expanded too."""
    scale, axis = _constant(op, "scale"), _constant(op, "axis")
    if scale is None:
        return _of_table(op, value)
    steps = scale.to(value.dtype).abs()
    if axis is not None and steps.ndim:
        steps = steps.reshape([-1 if at == int(axis) % value.ndim else 1 for at in range(value.ndim)])
    for at in range(steps.ndim):
        if steps.shape[at] not in (1, value.shape[at]):
            steps = steps.repeat_interleave(value.shape[at] // steps.shape[at], dim=at)
    return steps.expand(value.shape)


def _of_table(op: Op, value: Tensor) -> Tensor:
    """Half the way to the entry before and after; where there are several tables, by the slices of the first axis."""
    table = _constant(op, "lut")
    if value.ndim and table is not None and table.ndim > 1 and table.shape[0] > 1:
        return torch.stack([_between(part) for part in value])
    return _between(value)


def _between(value: Tensor) -> Tensor:
    entries, places = torch.unique(value, return_inverse=True)
    if len(entries) < 2:
        return torch.zeros_like(value)
    gaps = entries.diff()
    before, after = torch.cat([gaps[:1], gaps]), torch.cat([gaps, gaps[-1:]])
    return ((before + after) / 2)[places]


def _of_pruned(op: Op, value: Tensor) -> Tensor:
    kept = value[value != 0].abs()
    if not kept.numel():
        return torch.zeros_like(value)
    expanded = any(isinstance(each, Name) for each in op.inputs.get("nonzero_data", ()))
    others = _between(value) if expanded else torch.zeros_like(value)
    return torch.where(value == 0, 2 * kept.min(), others)


def _constant(op: Op, name: str) -> Tensor | None:
    """Return an input that is a constant of numbers, as fp32 or wider."""
    given = next(iter(op.inputs.get(name, ())), None)
    if not isinstance(given, Value) or not isinstance(given.data, np.ndarray):
        return None
    return torch.from_numpy(np.asarray(given.data, np.float64))


_WIDTHS: Mapping[str, Callable[[Op, Tensor], Tensor]] = {
    "constexpr_affine_dequantize": _of_scale,
    "constexpr_blockwise_shift_scale": _of_scale,
    "constexpr_sparse_to_dense": _of_pruned,
}
