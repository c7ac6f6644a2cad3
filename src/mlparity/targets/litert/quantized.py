"""Tensors that a `.tflite` file stores as integers: the numbers that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np


class Scale(NamedTuple):
    """A step and the integer that stands for zero, of one tensor; a step of 0.0 is one that is not quantised."""

    step: float = 0.0
    zero: int = 0
    dtype: str = ""

    def stored(self, array: np.ndarray) -> np.ndarray:
        """Return the integers nearest to numbers, the ends of their type for what lies beyond."""
        if not self.step:
            return array
        ends = np.iinfo(self.dtype)
        return np.clip(np.round(array / self.step) + self.zero, ends.min, ends.max).astype(self.dtype)

    def read(self, array: np.ndarray) -> np.ndarray:
        """Return the numbers that integers stand for."""
        if not self.step or array.dtype.kind == "f":
            return array
        return ((array.astype(np.float64) - self.zero) * self.step).astype(np.float32)


def scale_of(detail: Mapping[str, Any]) -> Scale:
    """Return the scale of a tensor by its details; none of one that has a step for each channel, as weights have.

    Source: `Interpreter.get_tensor_details`, key `quantization`.
    """
    step, zero = detail["quantization"]
    dtype = np.dtype(detail["dtype"])
    return Scale(float(step), int(zero), dtype.name) if step and dtype.kind in "iu" else Scale()
