"""Pools whose last windows hang over the edge, and averages with a divisor of their own.

PyTorch divides such a window by what it covers of the padded input, Core ML by the whole kernel unless padding is
excluded, and for strides wider than the kernel MIL counts a window more. So the windows are fixed here, by padding.
Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html,
https://github.com/apple/coremltools/issues/2772, https://github.com/apple/coremltools/pull/2844.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_NATIVE_CEIL_AXES = 2  # MIL's ceil mode takes one or two spatial axes


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one pool: `around` is what PyTorch pads, `over` how far the last one of each axis hangs over it.

    `over` is None where ceil mode meets a size that only the run knows, and MIL's own ceil mode gives the same windows.
    """

    kernel: list[int]
    strides: list[int]
    around: list[int]
    over: list[int] | None

    @property
    def may_hang_over(self) -> bool:
        """Whether some window may reach beyond the padded input."""
        return self.over is None or any(self.over)

    def arguments(self, around: list[int] | None = None) -> dict[str, Any]:
        """Return MIL's arguments, with `around` instead of PyTorch's padding where it is given."""
        around = self.around if around is None else around
        after = [0] * len(around) if self.over is None else self.over
        pad = [amount for before, more in zip(around, after, strict=True) for amount in (before, before + more)]
        return {
            "kernel_sizes": self.kernel,
            "strides": self.strides,
            "pad_type": "custom",
            "pad": pad,
            "ceil_mode": self.over is None,
        }


@lowering(
    "avg_pool1d avg_pool2d avg_pool3d",
    "self kernel_size stride padding ceil_mode count_include_pad divisor_override",
    replaces=True,
)
def avg_pool(call: Call) -> Var:
    """Lower averages; coremltools' own divides what hangs over the edge by the whole kernel, and takes no divisor."""
    x, windows, named = _asked(call)
    counts_padding = bool(call.constant("count_include_pad", True)) and any(windows.around)
    divisor = call.constant("divisor_override")
    if divisor is not None:
        mean = mb.avg_pool(x=x, exclude_padding_from_average=False, **windows.arguments())
        return _given(call, mb.mul(x=mean, y=np.float32(math.prod(windows.kernel) / int(divisor)), **named))
    if counts_padding and windows.may_hang_over:
        return _given(call, _of_padded(x, windows, **named))
    excludes = windows.may_hang_over or not counts_padding
    return _given(call, mb.avg_pool(x=x, exclude_padding_from_average=excludes, **windows.arguments(), **named))


@lowering("max_pool1d max_pool2d max_pool3d", "self kernel_size stride padding dilation ceil_mode", replaces=True)
def max_pool(call: Call) -> Var:
    """Lower maxima; coremltools' own have a window too many in ceil mode with strides wider than the kernel."""
    if max(_per_axis(call, "dilation", 1)) > 1:
        raise ValueError("max_pool does not support dilation > 1")
    x, windows, named = _asked(call)
    return _given(call, mb.max_pool(x=x, **windows.arguments(), **named))


def _of_padded(x: Var, windows: Windows, **named: str) -> Var:
    """Return averages that count the padding, but not what hangs over it: the padding is made part of the input."""
    if windows.over is None:
        raise ValueError("averages in ceil mode that count their padding need an input of a fixed size")
    pad = [0, 0, 0, 0, *(amount for amount in windows.around for _ in range(2))]
    padded = mb.pad(x=x, pad=pad, mode="constant", constant_val=0.0)
    arguments = windows.arguments([0] * len(windows.around))
    return mb.avg_pool(x=padded, exclude_padding_from_average=True, **arguments, **named)


def _given(call: Call, pooled: Var) -> Var:
    """Return the result without the batch axis that the input has not."""
    has_batch = call.tensor("self").rank == pooled.rank
    return pooled if has_batch else mb.squeeze(x=pooled, axes=[0], name=call.node.name)


def _asked(call: Call) -> tuple[Var, Windows, dict[str, str]]:
    """Return the input with a batch axis, the windows over it, and the result's name where no axis is to go."""
    x, kernel = call.tensor("self"), _per_axis(call, "kernel_size", 1)
    strides = [] if call.optional("stride") is None else _per_axis(call, "stride", 1)
    windows = Windows(kernel, strides or kernel, _per_axis(call, "padding", 0), [0] * len(kernel))
    named = {"name": call.node.name}
    if x.rank == len(kernel) + 1:
        x, named = mb.expand_dims(x=x, axes=[0]), {}
    return x, _with_ceil_mode(windows, x.shape[2:]) if call.constant("ceil_mode", False) else windows, named


def _per_axis(call: Call, name: str, default: int) -> list[int]:
    """Return an argument that gives one number, or one an axis of the kernel; an empty list as it is."""
    given = call.constant(name, default)
    values = [int(number) for number in given] if isinstance(given, list) else [int(given)]
    axes = int(call.node.kind[-2])  # as in avg_pool2d
    return values * axes if len(values) == 1 else values


def _with_ceil_mode(windows: Windows, sizes: tuple[Any, ...]) -> Windows:
    rows = list(zip(windows.kernel, windows.strides, windows.around, sizes, strict=True))
    if all(isinstance(size, (int, np.integer)) for size in sizes):
        return Windows(windows.kernel, windows.strides, windows.around, [_over(*row) for row in rows])
    if len(sizes) > _NATIVE_CEIL_AXES or any(stride > kernel and not around for kernel, stride, around, _ in rows):
        raise ValueError(f"ceil mode over {len(sizes)} axes, strides {windows.strides}, needs an input of a fixed size")
    return Windows(windows.kernel, windows.strides, windows.around, None)


def _over(kernel: int, stride: int, around: int, size: int) -> int:
    """Return how far the last window reaches beyond the padding; one that starts beyond the input is left out."""
    last = -(-(size + 2 * around - kernel) // stride)
    if last * stride >= size + around:
        last -= 1
    return max(0, last * stride + kernel - size - 2 * around)
