"""Activations with weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import softplus as softplus_of_coremltools

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering


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


@lowering("log_softmax _log_softmax", "self dim", replaces=True)
def log_softmax(call: Call) -> Var:
    """Lower `log_softmax`; coremltools' own takes the logarithm of a softmax, which is 0 from 104 below the largest."""
    x, axis = call.tensor("self"), int(call.constant("dim"))
    below = mb.sub(x=x, y=mb.reduce_max(x=x, axes=[axis], keep_dims=True))
    total = mb.reduce_sum(x=mb.exp(x=below), axes=[axis], keep_dims=True)
    return mb.sub(x=below, y=mb.log(x=total), name=call.node.name)


@lowering("softplus", "self beta threshold", replaces=True)
def softplus(call: Call) -> Any:
    """Lower `softplus`; with a low threshold it is x from there on, which coremltools' own overlooks."""
    beta, threshold = float(call.constant("beta", 1)), float(call.constant("threshold", 20))
    if threshold >= _NEVER_SEEN:
        return softplus_of_coremltools(call.context, call.node)
    x = call.tensor("self")
    scaled = mb.mul(x=x, y=np.float32(beta))
    soft = mb.real_div(x=mb.softplus(x=scaled), y=np.float32(beta))
    return mb.select(cond=mb.greater(x=scaled, y=np.float32(threshold)), a=x, b=soft, name=call.node.name)


_NEVER_SEEN = 17.0
"""From here on softplus(x) and x are one fp32 number."""
