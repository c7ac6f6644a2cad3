"""Arithmetic in which coremltools' own lowering is inexact or too narrow."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil import types

from mlparity.convert.coreml_lowerings.call import Call, Var, lowering

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


def _floating(x: Var) -> Var:
    return x if types.is_float(x.dtype) else mb.cast(x=x, dtype="fp32")
