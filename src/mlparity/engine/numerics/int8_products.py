"""Sums of int8 products in 32-bit integers, scaled at the end."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mlparity.engine.numerics.products import PLAIN, Geometry, Products
from mlparity.engine.numerics.rounding import half_away_wide

_STICKY = 2.0**31


@dataclass(frozen=True, slots=True)
class Int8Products(Products):
    """Convolutions of integers, times one scale; a sum that reaches 2^31 is infinite (tests/evidence: i8.results).

    Whether a partial sum that comes back is infinite too is not known; it is not here (assumed).
    """

    plain = False
    rounds = True
    scale: float = 1.0

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution of integers x and weight, scaled, plus bias, rounded once, half away from zero."""
        total = PLAIN.conv(x.double(), weight.double(), None, geometry)
        infinite = torch.copysign(torch.full_like(total, torch.inf), total)
        scaled = torch.where(total.abs() >= _STICKY, infinite, total * self.scale)
        if bias is not None:
            scaled = scaled + bias.double().reshape(-1, *(1,) * (x.ndim - 2))
        return half_away_wide(scaled)
