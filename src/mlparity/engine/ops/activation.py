"""MIL's activation functions.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` and `iOS17`, `activation.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html). The definitions of iOS17
differ in the types that `alpha` and `beta` may have, which values held wide do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op

SOFTPLUS_LINEAR_FROM = 40.0
"""From here on softplus(x) is x: what is left out, e^-40, is below half a unit in the last place even of fp64."""

GELU_SIGMOID_SCALE = 1.702


def _by_channel(values: Tensor, x: Tensor) -> Tensor:
    """Return one value a channel, shaped to broadcast along axis 1 of `x`."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


@mil_op("clamped_relu", rounding=Rounding.ELEMENT)
def clamped_relu(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return x, or alpha * x below zero, and at most beta."""
    return F.leaky_relu(x, alpha).clamp(max=beta)


@mil_op("elu", rounding=Rounding.ELEMENT)
def elu(x: Tensor, alpha: float) -> Tensor:
    """Return x, or alpha * (e^x - 1) below zero."""
    return F.elu(x, alpha)


@mil_op("gelu", rounding=Rounding.ELEMENT)
def gelu(x: Tensor, mode: str = "EXACT", *, num: Numerics) -> Tensor:
    """Return x times the normal distribution function of x, in one of three ways.

    Infinities are not meaningful: PyTorch's fp32 kernel, and so this op, gives NaN for both (measured on x86, 2.13).

    Raises:
        ValueError: `mode` is none of EXACT, TANH_APPROXIMATION and SIGMOID_APPROXIMATION.
    """
    if mode not in _GELU:
        raise ValueError(f"the mode {mode!r} is none of {', '.join(_GELU)}")
    return num.unary("gelu", x, _GELU[mode])


_GELU: Mapping[str, Callable[[Tensor], Tensor]] = {
    "EXACT": F.gelu,
    "TANH_APPROXIMATION": partial(F.gelu, approximate="tanh"),
    "SIGMOID_APPROXIMATION": lambda x: x * torch.sigmoid(GELU_SIGMOID_SCALE * x),
}


@mil_op("leaky_relu", rounding=Rounding.ELEMENT)
def leaky_relu(x: Tensor, alpha: float) -> Tensor:
    """Return x, or alpha * x below zero."""
    return F.leaky_relu(x, alpha)


@mil_op("linear_activation", rounding=Rounding.ELEMENT)
def linear_activation(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * x + beta."""
    return x * alpha + beta


@mil_op("prelu", rounding=Rounding.ELEMENT)
def prelu(x: Tensor, alpha: Tensor) -> Tensor:
    """Return x, or alpha * x below zero, with one alpha a channel.

    Shape: x (n, C, *d), alpha (C).
    """
    return F.prelu(x, alpha)


@mil_op("relu", rounding=Rounding.NONE)
def relu(x: Tensor) -> Tensor:
    """Return x, or 0 below zero."""
    return x.relu()


@mil_op("relu6", rounding=Rounding.NONE)
def relu6(x: Tensor) -> Tensor:
    """Return x, or 0 below zero, or 6 above six."""
    return F.relu6(x)


@mil_op("scaled_tanh", rounding=Rounding.ELEMENT)
def scaled_tanh(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * tanh(beta * x)."""
    return (x * beta).tanh() * alpha


@mil_op("sigmoid", rounding=Rounding.ELEMENT)
def sigmoid(x: Tensor, *, num: Numerics) -> Tensor:
    """Return 1 / (1 + e^-x)."""
    return num.unary("sigmoid", x, torch.sigmoid)


@mil_op("sigmoid_hard", rounding=Rounding.ELEMENT)
def sigmoid_hard(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return alpha * x + beta, held within [0, 1]."""
    return (x * alpha + beta).clamp(0, 1)


@mil_op("silu", rounding=Rounding.ELEMENT)
def silu(x: Tensor, *, num: Numerics) -> Tensor:
    """Return x * sigmoid(x)."""
    return num.unary("silu", x, F.silu)


@mil_op("softmax", rounding=Rounding.REDUCE)
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Return exponentials scaled to sum to one along `axis`; NaN where all are minus infinity.

    Rounding: exponentials and their sum stay wide; one store at the end (assumed).
    """
    return x.softmax(axis)


@mil_op("softplus", rounding=Rounding.ELEMENT)
def softplus(x: Tensor, *, num: Numerics) -> Tensor:
    """Return log(1 + e^x)."""
    return num.unary("softplus", x, partial(F.softplus, threshold=SOFTPLUS_LINEAR_FROM))


@mil_op("softplus_parametric", rounding=Rounding.ELEMENT)
def softplus_parametric(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """Return alpha * log(1 + e^(beta * x)), with one alpha and one beta a channel.

    Shape: x (n, C, *d), alpha (C), beta (C).
    """
    scaled = x * _by_channel(beta, x)
    return F.softplus(scaled, threshold=SOFTPLUS_LINEAR_FROM) * _by_channel(alpha, x)


@mil_op("softsign", rounding=Rounding.ELEMENT)
def softsign(x: Tensor, *, num: Numerics) -> Tensor:
    """Return x / (1 + |x|)."""
    return num.unary("softsign", x, F.softsign)


@mil_op("thresholded_relu", rounding=Rounding.NONE)
def thresholded_relu(x: Tensor, alpha: float) -> Tensor:
    """Return x, or 0 below alpha."""
    return torch.where(x < alpha, 0.0, x)
