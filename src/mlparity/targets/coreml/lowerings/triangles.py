"""Triangles of matrices, by selection: what is left out does not take part in arithmetic."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil import types

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_ALL = -1
"""How MIL's `band_part` is asked for every diagonal on one side."""


@lowering("triu", "self diagonal", replaces=True)
def triu(call: Call) -> Var:
    """Lower `triu`; above the main diagonal coremltools' own subtracts x from x, which makes infinities NaN.

    Source: https://github.com/apple/coremltools/pull/2771.
    """
    x, diagonal = call.tensor("self"), int(call.constant("diagonal", 0))
    if diagonal <= 0:
        return mb.band_part(x=x, lower=-diagonal, upper=_ALL, name=call.node.name)
    return _without_band(call, x, _ALL, diagonal - 1)


@lowering("tril", "self diagonal", replaces=True)
def tril(call: Call) -> Var:
    """Lower `tril`; below the main diagonal coremltools' own makes NaN likewise."""
    x, diagonal = call.tensor("self"), int(call.constant("diagonal", 0))
    if diagonal >= 0:
        return mb.band_part(x=x, lower=_ALL, upper=diagonal, name=call.node.name)
    return _without_band(call, x, -diagonal - 1, _ALL)


def _without_band(call: Call, x: Var, lower: int, upper: int) -> Var:
    """Return x with zeros (or False) in the diagonals from `lower` below to `upper` above the main one."""
    ones = mb.fill_like(ref_tensor=x, value=np.float32(1))
    band = mb.cast(x=mb.band_part(x=ones, lower=lower, upper=upper), dtype="bool")
    if types.is_bool(x.dtype):
        return mb.logical_and(x=x, y=mb.logical_not(x=band), name=call.node.name)
    zeros = mb.fill_like(ref_tensor=x, value=np.int32(0) if types.is_int(x.dtype) else np.float32(0))
    return mb.select(cond=band, a=zeros, b=x, name=call.node.name)
