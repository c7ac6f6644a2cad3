"""MIL's `pad`: constant, reflected and replicated borders for tensors of any rank.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/tensor_operation.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mlparity.engine.ops.registry import Rounding, mil_op

_NATIVE_AXES = 3  # torch reflects and replicates at most the last three dimensions


@mil_op("pad", rounding=Rounding.NONE)
def pad(x: Tensor, pad: tuple[int, ...], mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """Add elements before and after the last `len(pad) / 2` dimensions of `x`.

    `pad` holds a pair (before, after) for each of them, the outermost first. "reflect" mirrors without the
    border element, "replicate" repeats it.
    Raises: ValueError for another mode, a negative or an unpaired count, more pairs than dimensions, or a mirror wider
        than the tensor.
    """
    pairs = _pairs(pad, x)
    if mode == "constant":
        return functional.pad(x, [count for pair in reversed(pairs) for count in pair], value=constant_val)
    if mode not in ("reflect", "replicate"):
        raise ValueError(f"the pad mode {mode!r}; expected 'constant', 'reflect' or 'replicate'")
    while pairs and pairs[0] == (0, 0):
        pairs = pairs[1:]
    if not pairs:
        return x
    if len(pairs) <= _NATIVE_AXES and x.is_floating_point():
        return _padded_natively(x, pairs, mode)
    for axis, (before, after) in zip(range(x.ndim - len(pairs), x.ndim), pairs, strict=True):
        x = x.index_select(axis, _sources(x.shape[axis], before, after, mode, x.device))
    return x


def _pairs(counts: tuple[int, ...], x: Tensor) -> tuple[tuple[int, int], ...]:
    if len(counts) % 2 != 0 or len(counts) > 2 * x.ndim or min(counts, default=0) < 0:
        raise ValueError(f"the padding {counts} for a tensor of rank {x.ndim}")
    return tuple(zip(counts[::2], counts[1::2], strict=True))


def _padded_natively(x: Tensor, pairs: tuple[tuple[int, int], ...], mode: str) -> Tensor:
    lead = x.shape[: x.ndim - len(pairs)]
    batched = x.reshape(1, -1, *x.shape[len(lead) :])
    padded = functional.pad(batched, [count for pair in reversed(pairs) for count in pair], mode=mode)
    return padded.reshape(*lead, *padded.shape[2:])


def _sources(size: int, before: int, after: int, mode: str, device: torch.device) -> Tensor:
    """Return which element each position of the padded axis copies."""
    if mode == "reflect" and max(before, after) >= size:
        raise ValueError(f"a mirror of {max(before, after)} elements on an axis of {size}")
    positions = torch.arange(-before, size + after, device=device)
    if mode == "replicate":
        return positions.clamp(0, size - 1)
    return (size - 1) - ((size - 1) - positions.abs()).abs()
