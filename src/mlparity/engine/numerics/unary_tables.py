"""Functions of one fp16 number as a unit evaluates them: one value for each of the 65536 numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlparity.engine.numerics.rounding import half_away, half_away_of_few

Values = NDArray[np.float64]
"""fp64 arrays."""

_NUMBERS = 1 << 16


@dataclass(frozen=True, slots=True)
class Lookup:
    """A function of fp16 numbers, evaluated once for all of them: `value_of` takes and gives fp64.

    A number that is not fp16's is rounded to it before, half away from zero; the result likewise.
    """

    value_of: Callable[[Values], Values]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the function of each element, in the type of `x`. No gradient passes through."""
        indices = half_away(x).to(torch.float16).view(torch.int16).to(torch.int32) + _NUMBERS // 2
        return _values(self.value_of).to(x.device)[indices].to(x.dtype)


@cache
def _values(value_of: Callable[[Values], Values]) -> Tensor:
    """Return the values for every bit pattern, the negative ones as int16 has them first."""
    numbers = np.arange(-_NUMBERS // 2, _NUMBERS // 2).astype(np.int16).view(np.float16).astype(np.float64)
    with np.errstate(all="ignore"):
        found = value_of(np.where(np.isnan(numbers), np.inf, numbers)).astype(np.float32)
    return half_away(torch.from_numpy(found))


def fp16(values: Values) -> Values:
    """Round fp64 to fp16's numbers, half away from zero, as fp64."""
    return half_away_of_few(torch.from_numpy(np.asarray(values, np.float64).astype(np.float32))).double().numpy()


def knots(function: Callable[[Values], Values], first: float, last: float, count: int = 33) -> tuple[Values, Values]:
    """Return equally spaced arguments, and the function there as fp16."""
    arguments = np.linspace(first, last, count)
    return arguments, fp16(function(arguments))


def _erf(x: Values) -> Values:
    found: Values = torch.erf(torch.from_numpy(np.asarray(x, np.float64))).numpy()
    return found


def _sigmoid(x: Values) -> Values:
    found: Values = 1 / (1 + np.exp(-x))
    return found


def _odd(table: tuple[Values, Values], beyond: Callable[[Values], Values]) -> Callable[[Values], Values]:
    """A table of magnitudes, mirrored; `beyond` from its end on."""

    def evaluate(x: Values) -> Values:
        size = np.abs(x)
        return np.asarray(np.copysign(np.where(size >= table[0][-1], beyond(size), np.interp(size, *table)), x))

    return evaluate


def _sigmoid_looked_up(x: Values) -> Values:
    """33 samples over [-8, 8]; beyond, straight to 0 at -9.938 and 1 at 8.32: M1's limits, and M6's worst point."""
    arguments, found = knots(_sigmoid, -8, 8)
    return np.asarray(np.interp(x, (-9.938, *arguments, 8.32), (0.0, *found, 1.0)))


_LOG2_E, _LN_2 = fp16(np.array(np.log2(np.e))), fp16(np.array(np.log(2.0)))


def _exp(x: Values) -> Values:
    """2 to the power of x log2(e), which is fp16's: the whole part to the exponent, the rest by the table."""
    power = fp16(np.asarray(np.clip(x, -100, 100) * _LOG2_E))
    whole = np.floor(power)
    return np.asarray(np.ldexp(np.interp(power - whole, *knots(np.exp2, 0, 1)), whole.astype(int)))


def _log(x: Values) -> Values:
    """log2 of the fraction by the table, as fp16, plus the exponent, as fp16; then times ln 2."""
    fraction, exponent = np.frexp(np.where(np.isfinite(x), x, 1.0))
    looked_up = fp16(np.asarray(np.interp(fraction, *knots(np.log2, 0.5, 1))))
    binary = fp16(looked_up + exponent)
    found = binary * _LN_2
    return np.where(x > 0, np.where(np.isinf(x), np.inf, found), np.where(x == 0, -np.inf, 0.0))


def _softplus(x: Values) -> Values:
    """The natural logarithm of 1 + e^x, which collapses to 0 where the sum reaches 2^15 (coremltools#2687, M4)."""
    total = 1 + np.exp(x)
    return np.asarray(np.where(total >= 2.0**15, 0.0, np.log(total)))


def _log_m1(x: Values) -> Values:
    return np.where(x == 0, -45440.0, _log(x))


def _by_parity(function: Callable[[Values], Values], power: float) -> Callable[[Values], Values]:
    """A table over [0.5, 2), the even part of the exponent taken out and put back to the power of `power`."""
    table = knots(function, 0.5, 2.0, 25)

    def evaluate(x: Values) -> Values:
        fraction, exponent = np.frexp(np.where(np.isfinite(x) & (x > 0), x, 1.0))
        odd = exponent % 2
        return np.asarray(np.ldexp(np.interp(np.ldexp(fraction, odd), *table), ((exponent - odd) * power).astype(int)))

    return evaluate


_SQRT = _by_parity(np.sqrt, 0.5)
_RSQRT = _by_parity(lambda x: 1 / np.sqrt(x), -0.5)


def _sqrt(x: Values) -> Values:
    return np.where(x > 0, np.where(np.isinf(x), np.inf, _SQRT(x)), 0.0)


def _rsqrt(x: Values) -> Values:
    return np.where(x > 0, np.where(np.isinf(x), 0.0, _RSQRT(x)), np.where(x == 0, np.inf, 0.0))


def _inverse(x: Values) -> Values:
    fraction, exponent = np.frexp(np.where(np.isfinite(x) & (x != 0), np.abs(x), 1.0))
    found = np.ldexp(np.interp(fraction, *knots(np.reciprocal, 0.5, 1)), -exponent)
    # Minus zero has lost its sign: its inverse is plus infinity.
    return np.where(x == 0, np.inf, np.copysign(np.where(np.isinf(x), 0.0, found), x))


def _sin(x: Values) -> Values:
    """A quarter of the wave, mirrored; the argument is reduced exactly (assumed)."""
    quarters = np.abs(np.where(np.isfinite(x), x, 0.0)) / (np.pi / 2)
    quarter = np.floor(quarters)
    within = quarters - quarter
    argument = np.where(quarter % 2 == 0, within, 1 - within) * (np.pi / 2)
    wave = np.interp(argument, *knots(np.sin, 0, np.pi / 2))
    return np.asarray(np.sign(x) * np.where(quarter % 4 < 2, wave, -wave))


def _fitted(
    function: Callable[[Values], Values], first: float, last: float, known: Mapping[float, float]
) -> Callable[[Values], Values]:
    """A table of samples but where other values are known; 0 before its start, x beyond its end."""
    arguments, found = knots(function, first, last)
    for argument, value in known.items():
        found = np.where(arguments == argument, fp16(np.array(value)), found)
    return lambda x: np.where(x < first, 0.0, np.where(x > last, x, np.interp(x, arguments, found)))


def _gelu_of(x: Values) -> Values:
    return x * (1 + _erf(x / np.sqrt(2.0))) / 2


def _silu_of(x: Values) -> Values:
    return x * _sigmoid(x)


def _lookups(**functions: Callable[[Values], Values]) -> Mapping[str, Lookup]:
    return MappingProxyType({name: Lookup(function) for name, function in functions.items()})


_SHARED = {
    "cos": lambda x: _sin(np.abs(x) + np.pi / 2),
    "erf": _odd(knots(_erf, 0, 2), _erf),
    "exp": _exp,
    "inverse": _inverse,
    "rsqrt": _rsqrt,
    "sigmoid": _sigmoid_looked_up,
    "sin": _sin,
    "softplus": _softplus,
    "sqrt": _sqrt,
    "tanh": _odd(knots(np.tanh, 0, 4), np.ones_like),
}

TABLES_M6: Mapping[str, Lookup] = _lookups(
    **_SHARED,
    log=_log,
    gelu=_fitted(_gelu_of, -4, 4, {0.0: -0.000752, 0.25: 0.1436, -0.25: 0.1436 - 0.25}),
    silu=_fitted(_silu_of, -8, 8, {0.0: -0.0017, 0.5: 0.2964, -0.5: 0.2964 - 0.5}),
)
"""The tables of M6, as tests/evidence/lut_knots.json describes them; erf beyond 2 and cos are assumed."""

TABLES_M1: Mapping[str, Lookup] = _lookups(
    **_SHARED,
    log=_log_m1,
    gelu=_fitted(_gelu_of, -4, 4, {0.0: -0.000543, 0.25: 0.1438, -0.25: 0.1438 - 0.25}),
    silu=_fitted(_silu_of, -8, 8, {0.0: -0.001259, 0.5: 0.2964, -0.5: 0.2964 - 0.5}),
)
"""M1's own values at 0 and its greatest error of gelu (tests/evidence: aneg, unary_error.csv); else M6's, assumed."""
