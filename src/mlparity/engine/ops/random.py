"""MIL's random ops: torch's generator stands in for the device's, so that only distributions agree.

Values are drawn in fp32 whatever the numerics, so that one seed gives the same draws at every precision. The seed -1
draws from torch's global generator.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/random.py`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("random_bernoulli", rounding=Rounding.NONE, pure=False)
def random_bernoulli(shape: tuple[int, ...], prob: float = 0.5, seed: int = -1, *, num: Numerics) -> Tensor:
    """Draw 1 with the probability `prob`, and 0 otherwise."""
    return (torch.rand(shape, dtype=torch.float32, generator=_generator(seed)) < prob).to(num.compute)


@mil_op("random_categorical", rounding=Rounding.NONE, pure=False)
def random_categorical(x: Tensor, mode: str = "logits", size: int = 1, seed: int = -1) -> Tensor:
    """Draw `size` classes, with replacement, from the distribution on the last axis.

    `mode` says whether `x` holds "logits" or "probs", which need not sum to one.
    Shape: (*d, classes) gives (*d, size). Types: the class numbers have the type of `x`.
    Raises: ValueError for another mode.
    """
    if mode not in ("logits", "probs"):
        raise ValueError(f"the mode {mode!r}; expected 'logits' or 'probs'")
    weights = x.detach().cpu().to(torch.float64)
    weights = weights.softmax(-1) if mode == "logits" else weights
    drawn = weights.reshape(-1, x.shape[-1]).multinomial(size, replacement=True, generator=_generator(seed))
    return drawn.reshape(*x.shape[:-1], size).to(device=x.device, dtype=x.dtype)


@mil_op("random_normal", rounding=Rounding.ELEMENT, pure=False)
def random_normal(
    shape: tuple[int, ...], mean: float = 0.0, stddev: float = 1.0, seed: int = -1, *, num: Numerics
) -> Tensor:
    """Draw from the normal distribution."""
    return mean + stddev * torch.randn(shape, dtype=torch.float32, generator=_generator(seed)).to(num.compute)


@mil_op("random_uniform", rounding=Rounding.ELEMENT, pure=False)
def random_uniform(
    shape: tuple[int, ...], low: float = 0.0, high: float = 1.0, seed: int = -1, *, num: Numerics
) -> Tensor:
    """Draw from the uniform distribution on [low, high); equal bounds give `low`.

    Raises: ValueError if `high` is below `low` or a bound is not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"a uniform distribution from {low} to {high}")
    drawn = torch.rand(shape, dtype=torch.float32, generator=_generator(seed)).to(num.compute)
    return low + (high - low) * drawn


def _generator(seed: int) -> torch.Generator | None:
    return None if seed == -1 else torch.Generator().manual_seed(seed)
