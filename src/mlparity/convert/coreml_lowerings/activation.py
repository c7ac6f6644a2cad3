"""Activations with weights."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.convert.coreml_lowerings.call import Call, Var, lowering


@lowering("prelu _prelu_kernel", "self weight", replaces=True)
def prelu(call: Call) -> Var:
    """Lower `prelu`: a slope for each channel, which is the second axis, or one for all.

    MIL's `prelu` takes constant slopes, and several of them for images alone. Elsewhere it is spelt out as
    max(x, 0) + slope * min(x, 0); coremltools' own fails there.
    """
    x, slope = call.tensor("self"), call.tensor("weight")
    if x.rank == 4 and slope.val is not None:
        alpha = np.ones(int(x.shape[1]), np.float32) * slope.val.reshape(-1)
        return mb.prelu(x=x, alpha=alpha, name=call.node.name)
    if slope.rank == 1 and x.rank > 2:
        slope = mb.reshape(x=slope, shape=[1, -1, *[1] * (x.rank - 2)])
    zero = np.float32(0)
    negative = mb.mul(x=slope, y=mb.minimum(x=x, y=zero))
    return mb.add(x=mb.maximum(x=x, y=zero), y=negative, name=call.node.name)


@lowering("gelu", "self approximate", replaces=True)
def gelu(call: Call) -> Var:
    """Lower `gelu`; of an exported program coremltools' own overlooks that the tanh approximation is asked for."""
    mode = {"none": "EXACT", "tanh": "TANH_APPROXIMATION"}[call.text("approximate", "none")]
    return mb.gelu(x=call.tensor("self"), mode=mode, name=call.node.name)
