"""The source's own rounding, and whether fp32 alone can have made it."""

from __future__ import annotations

import math
from dataclasses import replace

from mlparity.core.finiteness import mismatches
from mlparity.record.figures import OutputFigures
from mlparity.record.record import Noise

_UNIT = 2.0**-24
"""The unit roundoff of fp32: one rounding changes a value by at most this share of it (IEEE 754, section 4.3)."""

_SENSITIVITY = 1000.0
"""How many times a rounding inside may be grown when it reaches an output (assumed).

Measured, noise over `unit * sqrt(roundings) * scale`: 0.02 to 2 for 120 healthy networks, 82 and 148 for variances
that cancel, 19 for the sine of a large angle. Six times the largest is still far below what another function makes.
"""


def noise_of(outputs: tuple[OutputFigures, ...], roundings: float, samples: int | None = None) -> tuple[Noise, ...]:
    """Return the noise from a comparison of the source's fp64 run (as source) with its fp32 run (as artifact).

    `roundings` is how many of them one result of the run depends on: the lengths of its sums, added up over its ops.
    Each is at most fp32's unit, and they are independent, so that their sum grows with the root of their number
    (Higham and Mary, https://doi.org/10.1137/18M1226312). Noise above 1000 times that (assumed) is not fp32's.
    The noise is infinite where a position is finite in one run alone, or none in both. `samples` is their number where
    not all were taken.
    """
    share = _SENSITIVITY * _UNIT * math.sqrt(roundings)
    known = (_noise(output, share * output.scale) for output in outputs if output.elements)
    return tuple(replace(noise, samples=samples) for noise in known)


def _noise(output: OutputFigures, most: float) -> Noise:
    figures = output.figures
    largest, mean = (figures[name] for name in ("max_abs", "mean_abs"))
    size = math.inf if largest is None or mismatches(figures) else largest
    return Noise(output.output, size, math.inf if mean is None else mean, output.scale, most)


def plausible_share(share: float, roundings: float) -> float:
    """Return noise as a share of the outputs' scale, 0.0 (nothing is known) where fp32 alone cannot have made it."""
    return share if share <= _SENSITIVITY * _UNIT * math.sqrt(roundings) else 0.0
