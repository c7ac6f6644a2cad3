"""What MIL's normalizations give, from their definitions, one slice at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np

from tests.oracles.terms import Terms


def batch_norm(
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    epsilon: float = 1e-5,
) -> Terms:
    value, scale = np.zeros_like(x), np.zeros_like(x)
    for channel in range(x.shape[1]):
        factor = (1.0 if gamma is None else gamma[channel]) / math.sqrt(variance[channel] + epsilon)
        offset = 0.0 if beta is None else beta[channel]
        value[:, channel] = (x[:, channel] - mean[channel]) * factor + offset
        scale[:, channel] = np.abs(x[:, channel] * factor) + abs(mean[channel] * factor) + abs(offset)
    return Terms(value, scale)


def instance_norm(
    x: np.ndarray, gamma: np.ndarray | None = None, beta: np.ndarray | None = None, epsilon: float = 1e-5
) -> Terms:
    shape = (-1, *(1,) * (x.ndim - 2))
    gain, offset = (
        None if each is None else np.broadcast_to(each.reshape(shape), x.shape[1:]) for each in (gamma, beta)
    )
    samples = [layer_norm_of_slices(sample, range(1, x.ndim - 1), gain, offset, epsilon) for sample in x]
    if not samples:
        return Terms(x, x)
    return Terms(np.stack([each.value for each in samples]), np.stack([each.scale for each in samples]))


def layer_norm(
    x: np.ndarray,
    axes: tuple[int, ...] | None = None,
    gamma: np.ndarray | None = None,
    beta: np.ndarray | None = None,
    epsilon: float = 1e-5,
) -> Terms:
    places = sorted(range(x.ndim) if axes is None else (axis % x.ndim for axis in axes))
    others = tuple(axis for axis in range(x.ndim) if axis not in places)
    gain, offset = (
        None if each is None else np.broadcast_to(np.expand_dims(each, others), x.shape) for each in (gamma, beta)
    )
    return layer_norm_of_slices(x, places, gain, offset, epsilon)


def layer_norm_of_slices(
    x: np.ndarray, axes: Iterable[int], gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float
) -> Terms:
    """Return each slice over `axes` less its mean, over its deviation; gamma and beta have the shape of x."""
    reduced = set(axes)
    value, scale = np.zeros_like(x), np.zeros_like(x)
    sizes: list[Iterable[slice | int]] = [
        [slice(None)] if axis in reduced else range(size) for axis, size in enumerate(x.shape)
    ]
    for place in itertools.product(*sizes):
        row = x[place].ravel().tolist()
        if not row:
            continue
        mean = math.fsum(row) / len(row)
        variance = math.fsum((each - mean) ** 2 for each in row) / len(row)
        factor = (1.0 if gamma is None else gamma[place]) / math.sqrt(variance + epsilon)
        offset = 0.0 if beta is None else beta[place]
        value[place] = (x[place] - mean) * factor + offset
        scale[place] = np.abs(x[place] * factor) + np.abs(mean * factor) + np.abs(offset)
    return Terms(value, scale)


def l2_norm(x: np.ndarray, epsilon: float = 1e-6) -> np.ndarray:
    flat = x.reshape(-1, math.prod(x.shape[-3:])) if x.size else x.reshape(0, 1)
    rows = [row / math.hypot(*row.tolist(), math.sqrt(epsilon)) for row in flat]
    return np.array(rows).reshape(x.shape)


def local_response_norm(
    x: np.ndarray, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> np.ndarray:
    result = np.zeros_like(x)
    for channel in range(x.shape[1]):
        first = max(0, channel - size // 2)
        last = min(x.shape[1], channel + (size - 1) // 2 + 1)
        energy = sum(x[:, each] ** 2 for each in range(first, last))
        result[:, channel] = x[:, channel] / np.exp(beta * np.log(k + alpha / size * energy))
    return result


ORACLES = {
    "batch_norm": batch_norm,
    "instance_norm": instance_norm,
    "l2_norm": l2_norm,
    "layer_norm": layer_norm,
    "local_response_norm": local_response_norm,
}
