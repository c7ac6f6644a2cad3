"""`Case`: one op, its inputs and the error that it may make, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One call of a MIL op.

    `inputs` holds numpy arrays for tensors (float32 for floating ones) and Python values for the rest.
    `ulp` bounds the error in units in the last place of the result's type, for fp32 and for fp16.
    """

    op: str
    inputs: Mapping[str, object]
    ulp_fp32: float = 2
    ulp_fp16: float = 1
    raises: type[Exception] | None = None
    opset: int = 15
    note: str = ""
