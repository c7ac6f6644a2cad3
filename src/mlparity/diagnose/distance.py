"""How far two sets of outputs are apart, as one number that gradients can follow."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]


def scale_of(expected: Tensor) -> float:
    """Return the largest finite absolute value; 1.0 where there is none, or it is zero."""
    finite = expected.detach().double().abs()
    finite = finite[torch.isfinite(finite)]
    largest = float(finite.max()) if finite.numel() else 0.0
    return largest if largest else 1.0


def distance(found: Tensors, expected: Tensors) -> float:
    """Return the root of the summed mean squares of the differences, each output over its own scale.

    0.0 means equal. It is infinite where a NaN or an infinity has no equal on the other side, or an output is missing
    or of another size. Empty outputs add nothing.
    """
    total = 0.0
    for name, right in expected.items():
        left = found.get(name)
        if left is None or left.numel() != right.numel():
            return math.inf
        total += _mean_square(_doubles(left), _doubles(right))
    return math.sqrt(total)


def _doubles(values: Tensor) -> Tensor:
    """Return the elements in fp64, of complex ones both parts."""
    held = values.detach()
    return (torch.view_as_real(held.to(torch.complex128)) if held.is_complex() else held.double()).reshape(-1)


def _mean_square(left: Tensor, right: Tensor) -> float:
    equal = (left == right) | (torch.isnan(left) & torch.isnan(right))
    difference = torch.where(equal, torch.zeros_like(left), left - right)
    if not difference.numel():
        return 0.0
    if not bool(torch.isfinite(difference).all()):
        return math.inf
    return float((difference / scale_of(right)).square().mean())


def removed(before: float, after: float) -> float:
    """Return the part of a distance that went away; of an infinite one all or nothing. 0.0 where there was none."""
    if math.isinf(before):
        return 0.0 if math.isinf(after) else 1.0
    return 1.0 - after / before if before and math.isfinite(after) else 0.0


def directions(found: Tensors, expected: Tensors) -> dict[str, Tensor]:
    """Return, for each floating output, the gradient of `distance` at `found`; empty where there is none."""
    whole = distance(found, expected)
    if not 0 < whole < math.inf:
        return {}
    ways = {}
    for name, right in expected.items():
        left = found[name]
        if left.is_floating_point() and left.numel():
            difference = (left.detach() - right.detach().to(left.dtype).reshape(left.shape)).nan_to_num(0.0)
            ways[name] = difference / (left.numel() * scale_of(right) ** 2 * whole)
    return ways
