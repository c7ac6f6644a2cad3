"""MIL's normalizations.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` and `iOS17`, `normalization.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html). The definitions of iOS17
differ in the types that parameters may have, which values held wide do not see.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("batch_norm", rounding=Rounding.REDUCE)
def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Return gamma * (x - mean) / sqrt(variance + epsilon) + beta, channel by channel.

    Shape: x (n, C, *d), the others (C).
    Rounding: computed as x times one factor plus one offset a channel, as PyTorch does.
    """
    if mean.requires_grad or variance.requires_grad:
        # PyTorch's own takes no gradient with respect to these.
        factor = (variance + epsilon).rsqrt() * (1.0 if gamma is None else gamma)
        offset = (0.0 if beta is None else beta) - mean * factor
        shape = (-1, *[1] * (x.ndim - 2))
        return x * factor.reshape(shape) + offset.reshape(shape)
    return F.batch_norm(x, mean, variance, gamma, beta, training=False, eps=epsilon)


@mil_op("instance_norm", rounding=Rounding.REDUCE)
def instance_norm(x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, epsilon: float = 1e-5) -> Tensor:
    """Return x scaled to mean 0 and variance 1 over the space of each channel of each sample, then gamma and beta.

    Shape: x (n, C, *d), gamma and beta (C).
    """
    # torch.instance_norm, for F.instance_norm refuses a space of one element.
    return torch.instance_norm(x, gamma, beta, None, None, True, 0.0, epsilon, False)


@mil_op("l2_norm", rounding=Rounding.REDUCE)
def l2_norm(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Return x over the square root of (the sum of squares over the last three axes, plus epsilon).

    Raises:
        ValueError: x has fewer than three axes.
    """
    if x.ndim < 3:
        raise ValueError(f"x has {x.ndim} axes; l2_norm needs three at least")
    return x / (x.square().sum((-3, -2, -1), keepdim=True) + epsilon).sqrt()


@mil_op("layer_norm", rounding=Rounding.REDUCE)
def layer_norm(
    x: Tensor,
    axes: tuple[int, ...] | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """Return x scaled to mean 0 and variance 1 over `axes` (all, where None), then gamma and beta.

    Shape: gamma and beta have the sizes of `axes`, in the order of x's own axes.

    Raises:
        ValueError: an axis that x has not.
    """
    if axes is not None and not all(-x.ndim <= axis < x.ndim for axis in axes):
        raise ValueError(f"the axes {axes} are not all within x's {x.ndim}")
    dims = sorted(range(x.ndim) if axes is None else {axis % x.ndim for axis in axes})
    sizes = [x.shape[dim] for dim in dims]
    if dims == list(range(x.ndim - len(dims), x.ndim)):
        return F.layer_norm(x, sizes, gamma, beta, epsilon)
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    result = (x - mean) * (variance + epsilon).rsqrt()
    spread = [size if dim in dims else 1 for dim, size in enumerate(x.shape)]
    if gamma is not None:
        result = result * gamma.reshape(spread)
    return result if beta is None else result + beta.reshape(spread)


@mil_op("local_response_norm", rounding=Rounding.REDUCE)
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Return x / (k + alpha / size * (the sum of squares over `size` channels around))^beta.

    Shape: x (n, C, *d). Of an even `size`, the odd channel out is one before (assumed: as PyTorch).
    """
    return F.local_response_norm(x, size, alpha, beta, k)
