"""MIL's reading and writing of state: a state is a value like any other, and the runtime carries it from run to run.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS18/states.py`, and `converters/mil/backend/mil/load.py` for
`write_state`, which its dialect op `coreml_update_state` is saved as.
"""

from __future__ import annotations

from typing import NewType

from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op

State = NewType("State", Tensor)
"""What a state holds at one point of the program."""


@mil_op("read_state", since=18, rounding=Rounding.NONE)
def read_state(input: State) -> Tensor:  # noqa: A002  MIL's name
    """Return what the state holds."""
    return input


@mil_op("write_state", since=18, rounding=Rounding.NONE)
def write_state(input: State, data: Tensor) -> Tensor:  # noqa: A002  MIL's name
    """Return `data`, which the state holds from here on.

    Raises: ValueError if it has another shape than the state.
    """
    if data.shape != input.shape:
        raise ValueError(f"a state of shape {list(input.shape)} cannot hold {list(data.shape)}")
    return data
