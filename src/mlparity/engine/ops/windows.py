"""Where the windows of convolutions and pools lie: padding by name, and the number of windows.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/_utils.py` (`aggregated_pad`, `spatial_dimensions_out_shape`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

Sides = tuple[tuple[int, int], ...]
"""What is added before and after each spatial axis."""


def spread(values: tuple[int, ...] | None, axes: int, default: int = 1) -> tuple[int, ...]:
    """Return one value a spatial axis: `values`, or `default` for each.

    Raises:
        ValueError: there are not as many values as axes.
    """
    if values is None:
        return (default,) * axes
    if len(values) != axes:
        raise ValueError(f"{len(values)} values for {axes} spatial axes")
    return values


def extents(kernel: Sequence[int], dilations: tuple[int, ...]) -> tuple[int, ...]:
    """Return how much of each axis a kernel spans."""
    return tuple((size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True))


def sides(
    pad_type: str, pad: tuple[int, ...] | None, sizes: Sequence[int], spans: tuple[int, ...], strides: tuple[int, ...]
) -> Sides:
    """Return the padding that `pad_type` means for windows of `spans` over axes of `sizes`.

    "same" gives ceil(size / stride) windows and puts an odd element after, "same_lower" before.

    Raises:
        ValueError: `pad_type` is none of valid, custom, same and same_lower, or `pad` has not two values an axis.
    """
    kind = pad_type.lower()
    if kind == "valid":
        return ((0, 0),) * len(spans)
    if kind == "custom":
        flat = spread(pad, 2 * len(spans), default=0)
        return tuple(zip(flat[::2], flat[1::2], strict=True))
    if kind not in ("same", "same_lower"):
        raise ValueError(f"the padding type {pad_type!r} is none of valid, custom, same, same_lower")
    totals = [
        max(0, -(-size // step) * step - size + span - step)
        for size, span, step in zip(sizes, spans, strides, strict=True)
    ]
    return tuple((total // 2, -(-total // 2)) if kind == "same" else (-(-total // 2), total // 2) for total in totals)


def padded(x: Tensor, around: Sides, value: float = 0.0) -> Tensor:
    """Return `x` with `value` added around its spatial axes; `x` itself where nothing is to add."""
    if not any(map(any, around)):
        return x
    return F.pad(x, [amount for pair in reversed(around) for amount in pair], value=value)


def symmetric(around: Sides) -> tuple[int, ...] | None:
    """Return one padding an axis, or None where some axis has different ones before and after."""
    return tuple(before for before, _ in around) if all(before == after for before, after in around) else None
