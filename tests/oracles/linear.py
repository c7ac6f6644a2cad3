"""What MIL's matrix products give, summed product by product."""

from __future__ import annotations

import numpy as np

from tests.oracles.terms import Terms


def contract(equation: str, *values: np.ndarray) -> Terms:
    """Return the sum over the letters that the result lacks; axes of size 1 broadcast."""
    left, right = equation.replace(" ", "").split("->")
    letters = right + "".join(sorted(set(left) - set(right) - {","}))
    whole = [_spread(value, names, letters) for value, names in zip(values, left.split(","), strict=True)]
    product = whole[0]
    for factor in whole[1:]:
        product = product * factor
    summed = tuple(range(len(right), len(letters)))
    return Terms(product.sum(summed), np.abs(product).sum(summed))


def _spread(value: np.ndarray, names: str, letters: str) -> np.ndarray:
    order = [names.index(letter) for letter in letters if letter in names]
    missing = tuple(place for place, letter in enumerate(letters) if letter not in names)
    return np.expand_dims(value.transpose(order), missing)


def linear(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None) -> Terms:
    products = x[..., None, :] * weight
    offset = np.zeros(len(weight), weight.dtype) if bias is None else bias
    return Terms(products.sum(-1, dtype=products.dtype) + offset, np.abs(products).sum(-1) + np.abs(offset))


def matmul(x: np.ndarray, y: np.ndarray, transpose_x: bool = False, transpose_y: bool = False) -> Terms:
    left = np.swapaxes(x, -1, -2) if transpose_x and x.ndim > 1 else x
    right = np.swapaxes(y, -1, -2) if transpose_y and y.ndim > 1 else y
    rows = left[None, :] if left.ndim == 1 else left
    columns = right[:, None] if right.ndim == 1 else right
    products = rows[..., :, :, None] * columns[..., None, :, :]
    lost = tuple(place for place, each in ((-2, left), (-1, right)) if each.ndim == 1)
    total = products.sum(-2, dtype=products.dtype)
    return Terms(np.squeeze(total, lost), np.squeeze(np.abs(products).sum(-2), lost))


ORACLES = {
    "einsum": lambda values, equation: contract(equation, *values),
    "linear": linear,
    "matmul": matmul,
}
