"""Arithmetic in which coremltools' own lowering is inexact or too narrow."""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import pow as pow_of_coremltools
from coremltools.converters.mil.frontend.torch.ops import remainder as remainder_of_coremltools
from coremltools.converters.mil.mil import types

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_TINY = 1e-38
"""Nothing beside any fp32 value, and 0 in fp16; MIL wants an epsilon that is there."""


@lowering("reciprocal", "self", replaces=True)
def reciprocal(call: Call) -> Var:
    """Lower `1 / x`; coremltools' own adds MIL's default epsilon of 1e-4 to x: 1 / 4 becomes 0.249994."""
    return mb.real_div(x=np.float32(1), y=_floating(call.tensor("self")), name=call.node.name)


@lowering("rsqrt", "self", replaces=True)
def rsqrt(call: Call) -> Var:
    """Lower `1 / sqrt(x)`; coremltools' own adds 1e-12 to x, which shows from x = 1e-6 down."""
    return mb.rsqrt(x=_floating(call.tensor("self")), epsilon=_TINY, name=call.node.name)


@lowering("cumsum", "self dim dtype", replaces=True)
def cumsum(call: Call) -> Var:
    """Lower running sums; coremltools' own refuses an axis that is counted from the end, but for the last."""
    x = call.tensor("self")
    dtype = "int32" if types.is_bool(x.dtype) else call.dtype(x)
    return mb.cumsum(x=mb.cast(x=x, dtype=dtype), axis=call.constant("dim") % max(x.rank, 1), name=call.node.name)


@lowering("pow pow.tensor_tensor", "self exponent", replaces=True)
def pow_(call: Call) -> Any:
    """Lower `pow`; of the base 2 as exp2, for Core ML takes pow(2, y) for y squared. All else is left to coremltools.

    Source: https://github.com/apple/coremltools/issues/2628 and https://github.com/apple/coremltools/pull/2742.
    """
    base, exponent = call.tensor("self"), call.tensor("exponent")
    is_two = base.val is not None and np.size(base.val) == 1 and float(np.reshape(base.val, ())) == 2
    if not is_two or base.rank > exponent.rank or not (types.is_float(base.dtype) or types.is_float(exponent.dtype)):
        return pow_of_coremltools(call.context, call.node)
    return mb.exp2(x=_floating(exponent), name=call.node.name)


@lowering("remainder", "self other", replaces=True)
def remainder(call: Call) -> Any:
    """Lower `remainder`; by 1 as x - floor(x), where a pass of coremltools' takes the floor division for nothing.

    Source: https://github.com/apple/coremltools/issues/2836.
    """
    x, other = call.tensor("self"), call.tensor("other")
    if not types.is_float(x.dtype) or other.val is None or not np.all(other.val == 1) or other.rank > x.rank:
        return remainder_of_coremltools(call.context, call.node)
    return mb.sub(x=x, y=mb.floor(x=x), name=call.node.name)


@lowering("atan2", "self other", replaces=True)
def atan2(call: Call) -> Var:
    """Lower the angle of a point; coremltools' own gives 0 for pi where y is 0 and x negative, and NaN at the origin.

    There the sign of a zero is not seen: y = -0 counts as +0.
    """
    y, x = (mb.cast(x=call.tensor(name), dtype="fp32") for name in ("self", "other"))
    zero = np.float32(0)
    upright, left, below = (
        mb.cast(x=condition, dtype="fp32")
        for condition in (mb.equal(x=x, y=zero), mb.less(x=x, y=zero), mb.less(x=y, y=zero))
    )
    half = mb.sub(x=np.float32(np.pi), y=mb.mul(x=below, y=np.float32(2 * np.pi)))
    angle = mb.add(x=mb.atan(x=mb.real_div(x=y, y=mb.add(x=x, y=upright))), y=mb.mul(x=left, y=half))
    straight = mb.mul(x=mb.sign(x=y), y=np.float32(np.pi / 2))
    aside = mb.mul(x=angle, y=mb.sub(x=np.float32(1), y=upright))
    return mb.add(x=aside, y=mb.mul(x=upright, y=straight), name=call.node.name)


def _floating(x: Var) -> Var:
    return x if types.is_float(x.dtype) else mb.cast(x=x, dtype="fp32")


@lowering("rms_norm", "input normalized_shape weight eps", replaces=True)
def rms_norm(call: Call) -> Var:
    """Lower division by the root mean square; coremltools' own is up to 0.1% off, by its own account.

    Like coremltools' it divides by the largest magnitude first, so that squares do not overflow in fp16; unlike it,
    not by less than 1, and it divides epsilon likewise, so that the result is the same.
    """
    x = _floating(call.tensor("input"))
    axes = list(range(-len(call.constant("normalized_shape")), 0))
    epsilon = call.constant("eps", float(np.finfo(np.float32).eps))
    size = mb.maximum(x=mb.reduce_max(x=mb.abs(x=x), axes=axes, keep_dims=True), y=np.float32(1))
    small = mb.real_div(x=x, y=size)
    mean = mb.reduce_mean(x=mb.square(x=small), axes=axes, keep_dims=True)
    floor = mb.real_div(x=np.float32(epsilon), y=mb.square(x=size))
    root = mb.sqrt(x=mb.add(x=mean, y=floor))
    if call.optional("weight") is None:
        return mb.real_div(x=small, y=root, name=call.node.name)
    return mb.mul(x=mb.real_div(x=small, y=root), y=call.tensor("weight"), name=call.node.name)
