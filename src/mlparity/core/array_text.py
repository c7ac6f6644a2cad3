"""An array as text that JSON can hold, every bit of it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ArrayText:
    """An array's numpy type, shape, and bytes in base64; `data` is in C order."""

    dtype: str
    shape: tuple[int, ...]
    data: str


def text_of_array(array: np.ndarray) -> ArrayText:
    """Return the text of an array of numbers."""
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return ArrayText(array.dtype.str, array.shape, data)


def array_of_text(text: ArrayText) -> np.ndarray:
    """Return the array, which may be written to.

    Raises:
        ValueError: the bytes do not fill the shape.
    """
    data = base64.b64decode(text.data.encode("ascii"), validate=True)
    return np.frombuffer(data, np.dtype(text.dtype)).reshape(text.shape).copy()
