"""Transposed convolutions with a part that is added to their end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import _convolution as convolution_of_coremltools
from coremltools.converters.mil.mil.ops.defs._utils import promote_input_dtypes

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_FIXED = "input weight bias stride padding"


@lowering("_convolution convolution", f"{_FIXED} dilation transposed output_padding groups", replaces=True)
def convolution(call: Call) -> Any:
    """Lower a convolution by coremltools' own lowering, but for what `conv_transpose` lowers."""
    return conv_transpose(call) if call.constant("transposed", False) else _by_coremltools(call)


@lowering(
    "conv_transpose1d conv_transpose2d.input conv_transpose2d conv_transpose3d.input conv_transpose3d",
    f"{_FIXED} output_padding groups dilation",
    replaces=True,
)
def conv_transpose(call: Call) -> Any:
    """Lower a transposed convolution; coremltools' own cannot add to the end of what it does not cut, nor in 3d.

    The whole result is made and cut. What lies behind its end, where only the bias is, comes of zeros behind x.
    """
    x, weight = promote_input_dtypes([call.tensor("input"), call.tensor("weight")])
    if x.rank == weight.rank and not np.any(call.constant("output_padding", 0)):
        return _by_coremltools(call)
    if x.rank == weight.rank:
        return _transposed(call, x, weight)
    return mb.squeeze(x=_transposed(call, mb.expand_dims(x=x, axes=[0]), weight), axes=[0])


def _transposed(call: Call, x: Var, weight: Var) -> Var:
    axes = weight.rank - 2
    stride, cut, dilation, added = (
        np.broadcast_to(np.array(call.constant(name, default)).reshape(-1), axes)
        for name, default in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0))
    )
    zeros = np.ceil(np.maximum(added - cut, 0) / stride).astype(int)
    if zeros.any():
        x = mb.pad(x=x, pad=[0] * (2 * (x.rank - axes)) + np.stack([0 * zeros, zeros], 1).reshape(-1).tolist())
    whole = mb.conv_transpose(
        x=x,
        weight=weight,
        pad_type="valid",
        strides=stride.tolist(),
        dilations=dilation.tolist(),
        groups=call.constant("groups", 1),
        **_given(bias=call.optional("bias")),
    )
    return _cut(whole, cut, cut - added + zeros * stride)


def _cut(x: Var, before: np.ndarray, after: np.ndarray) -> Var:
    kept = x.rank - len(before)
    return mb.slice_by_index(
        x=x,
        begin=[0] * kept + before.tolist(),
        end=[0] * kept + (-after).tolist(),
        end_mask=[True] * kept + (after == 0).tolist(),
    )


def _given(**optional: Var | None) -> Mapping[str, Var]:
    return {name: value for name, value in optional.items() if value is not None}


def _by_coremltools(call: Call) -> None:
    convolution_of_coremltools(call.context, call.node)
