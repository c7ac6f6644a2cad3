"""Tensors made from nothing but a shape and a value."""

from __future__ import annotations

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_REST = "dtype layout device pin_memory"


@lowering("new_ones", f"self size {_REST}")
def new_ones(call: Call) -> Var:
    """Lower `self.new_ones(size)`, whose type is that of `self` unless another is asked for."""
    return _filled(call, 1)


@lowering("new_zeros new_empty", f"self size {_REST}", replaces=True)
def new_zeros(call: Call) -> Var:
    """Lower `self.new_zeros(size)`; coremltools' own makes fp32 also of an int32 or bool `self`."""
    return _filled(call, 0)


@lowering("new_full", f"self size fill_value {_REST}", replaces=True)
def new_full(call: Call) -> Var:
    """Lower `self.new_full(size, value)`; coremltools' own takes the value's type for the result's."""
    return _filled(call, call.constant("fill_value"))


def _filled(call: Call, value: float) -> Var:
    dtype = call.dtype(call.tensor("self"))
    made = mb.fill(shape=call.shape("size"), value=float(value))
    return mb.cast(x=made, dtype=dtype, name=call.node.name)
