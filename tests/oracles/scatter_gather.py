"""Exact results of gathers and scatters, one index at a time.

A scatter that is given `validate_indices` follows iOS17's rule: an index outside is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.oracles.terms import Place, Terms


def gather(
    x: np.ndarray, indices: np.ndarray, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> np.ndarray:
    place = axis % x.ndim
    outer, inner = x.shape[batch_dims:place], x.shape[place + 1 :]
    result = np.empty((*x.shape[:place], *indices.shape[batch_dims:], *inner), x.dtype)
    for batch in np.ndindex(*x.shape[:batch_dims]):
        for before in np.ndindex(*outer):
            for at in np.ndindex(*indices.shape[batch_dims:]):
                result[(*batch, *before, *at)] = x[(*batch, *before, indices[(*batch, *at)])]
    return result


def gather_along_axis(x: np.ndarray, indices: np.ndarray, axis: int = 0, validate_indices: bool = False) -> np.ndarray:
    result = np.empty(indices.shape, x.dtype)
    for at in np.ndindex(*indices.shape):
        source = list(at)
        source[axis] = indices[at]
        result[at] = x[tuple(source)]
    return result


def gather_nd(x: np.ndarray, indices: np.ndarray, batch_dims: int = 0, validate_indices: bool = False) -> np.ndarray:
    result = np.empty((*indices.shape[:-1], *x.shape[batch_dims + indices.shape[-1] :]), x.dtype)
    for at in np.ndindex(*indices.shape[:-1]):
        result[at] = x[(*at[:batch_dims], *indices[at])]
    return result


_STEPS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "update": lambda _old, new: new,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": lambda old, new: old / new if new.dtype.kind == "f" else np.trunc(old / new).astype(old.dtype),
    "max": np.maximum,
    "min": np.minimum,
}


def _scattered(data: np.ndarray, pairs: list[tuple[Place, np.ndarray]], mode: str) -> object:
    """Apply each (place, update) in turn; the sizes of the terms matter for sums alone."""
    result, sizes = data.copy(), np.abs(data)
    for place, update in pairs:
        result[place] = _STEPS[mode](result[place], update)
        if mode in ("add", "sub"):
            sizes[place] += np.abs(update)
    if data.dtype.kind != "f":
        return result
    return Terms(result, sizes if mode in ("add", "sub") else np.zeros(()))


def _inside(indices: np.ndarray, sizes: tuple[int, ...], dropping: bool) -> bool:
    return not dropping or all(0 <= index < size for index, size in zip(indices.ravel(), sizes, strict=True))


def scatter(
    data: np.ndarray,
    indices: np.ndarray,
    updates: np.ndarray,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool | None = None,
) -> object:
    lead: Place = (slice(None),) * (axis % data.ndim)
    pairs: list[tuple[Place, np.ndarray]] = [
        ((*lead, int(indices[at])), updates[(*lead, *at)])
        for at in np.ndindex(*indices.shape)
        if _inside(indices[at], data.shape[axis : axis + 1 or None], validate_indices is not None)
    ]
    return _scattered(data, pairs, mode)


def scatter_along_axis(
    data: np.ndarray,
    indices: np.ndarray,
    updates: np.ndarray,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool | None = None,
) -> object:
    pairs: list[tuple[Place, np.ndarray]] = []
    for at in np.ndindex(*indices.shape):
        place: list[int | slice] = list(at)
        place[axis] = int(indices[at])
        if _inside(indices[at], (data.shape[axis],), validate_indices is not None):
            pairs.append((tuple(place), updates[at]))
    return _scattered(data, pairs, mode)


def scatter_nd(
    data: np.ndarray,
    indices: np.ndarray,
    updates: np.ndarray,
    mode: str = "add",
    validate_indices: bool | None = None,
) -> object:
    sizes = data.shape[: indices.shape[-1]]
    pairs = [
        (tuple(indices[at]), updates[at])
        for at in np.ndindex(*indices.shape[:-1])
        if _inside(indices[at], sizes, validate_indices is not None)
    ]
    return _scattered(data, pairs, mode)


ORACLES: Mapping[str, Callable[..., object]] = {
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "gather_nd": gather_nd,
    "scatter": scatter,
    "scatter_along_axis": scatter_along_axis,
    "scatter_nd": scatter_nd,
}
