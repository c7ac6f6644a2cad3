"""Arrays of samples in the form that every runtime takes."""

from __future__ import annotations

import numpy as np

from mlparity.core.errors import InputError


def as_numbers(array: np.ndarray, where: str, *, narrow: bool = True) -> np.ndarray:
    """Return `array` as a plain, contiguous array of numbers in the machine's own byte order.

    Types: float64 and wider become float32, the widest type of the converted models, or stay without `narrow`.

    Raises:
        InputError: it holds objects, texts, complex numbers, times or records; the text begins with `where`.
    """
    if array.dtype.kind not in "biuf":
        raise InputError(
            "an array holds no numbers",
            where=where,
            found=f"dtype {array.dtype}",
            expected="integers, booleans or real numbers",
        )
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise InputError(
            "an array hides values behind a mask", where=where, next_step="fill them in: array.filled(value)"
        )
    is_wide = array.dtype.kind == "f" and not np.can_cast(array.dtype, np.float32)
    native = np.dtype(np.float32) if narrow and is_wide else array.dtype.newbyteorder("=")
    with np.errstate(over="ignore"):  # a value past fp32 becomes infinite, and infinities are refused by name
        backwards = any(step < 0 for step in array.strides)  # PyTorch takes no such array, not even of one element
        return np.array(array, native, order="C", copy=True if backwards else None)
