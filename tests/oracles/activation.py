"""What MIL's activations give, from their definitions by cases."""

from __future__ import annotations

import math

import numpy as np

from tests.oracles.elementwise_unary import each
from tests.oracles.terms import Terms


def _by_channel(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.broadcast_to(values, (*x.shape[:1], *x.shape[2:], len(values))), -1, 1)


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def gelu(x: np.ndarray, mode: str = "EXACT") -> Terms:
    # 1 + erf(x) and 1 + tanh(x) cancel far below zero, and x is as much off as the sum.
    if mode == "SIGMOID_APPROXIMATION":
        return Terms(x * sigmoid(1.702 * x), np.zeros(()))
    if mode == "EXACT":
        factor = each(lambda value: 0.5 * math.erfc(-value / math.sqrt(2)) if not math.isnan(value) else value, x)
    else:
        factor = 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return Terms(x * factor, np.abs(x))


def leaky_relu(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x >= 0, x, alpha * x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def flushed(value: np.ndarray, x: np.ndarray) -> Terms:
    # e^-x overflows fp32 below -88.7; what is lost there, and what is left out below fp32's normal numbers, is less
    # than a unit of 1e-27.
    return Terms(value, np.where(x < -85, 1e-27, 0))


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.apply_along_axis(_share, axis, x) if x.ndim and x.size else np.ones_like(x)


def _share(row: np.ndarray) -> np.ndarray:
    greatest = np.max(row)
    weights = [math.exp(value - greatest) for value in row.tolist()]
    return np.array(weights) / math.fsum(weights)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


ORACLES = {
    "clamped_relu": lambda x, alpha, beta: np.minimum(beta, leaky_relu(x, alpha)),
    "elu": elu,
    "gelu": gelu,
    "leaky_relu": leaky_relu,
    "linear_activation": lambda x, alpha, beta: Terms(alpha * x + beta, np.abs(alpha * x)),
    "prelu": lambda x, alpha: np.where(x > 0, x, _by_channel(alpha, x) * x),
    "relu": lambda x: np.where(x < 0, 0, x),
    "relu6": lambda x: np.where(x < 0, 0, np.where(x > 6, 6, x)),
    "scaled_tanh": lambda x, alpha, beta: alpha * (2 * sigmoid(2 * beta * x) - 1),
    "sigmoid": lambda x: flushed(sigmoid(x), x),
    "sigmoid_hard": lambda x, alpha, beta: Terms(np.clip(alpha * x + beta, 0, 1), np.minimum(np.abs(alpha * x), 1)),
    "silu": lambda x: flushed(x * sigmoid(x), x),
    "softmax": softmax,
    "softplus": softplus,
    "softplus_parametric": lambda x, alpha, beta: _by_channel(alpha, x) * softplus(_by_channel(beta, x) * x),
    "softsign": lambda x: np.where(x < 0, x / (1 - x), x / (1 + x)),
    "thresholded_relu": lambda x, alpha: np.where(x >= alpha, x, np.where(np.isnan(x), x, 0)),
}
