"""The rules of hazards: which value of which op counts, which limit of which processor bounds it, and the evidence."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlparity.core.words import Confidence
from mlparity.diagnose.operands import Operands
from mlparity.diagnose.ranges import Range
from mlparity.engine.numerics.limits import FIXED_POINT_LIMIT, FIXED_POINT_UNIT, FP16_LARGEST

NEAR = 4.0
"""From how small a margin on a hazard is told (assumed)."""

_CPU, _GPU, _NE = "CPU", "GPU", "NE"
_ENGINE = "751K/Apple-Neural-Engine-Microarchitecture-Study-M6@a51e0dbd: notes/numerics.md"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found at one op: the range seen, the limit, the margin, and what else there is to say."""

    seen: tuple[float, float]
    limit: float
    margin: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of hazard; `look` returns what it finds at an op, None where there is nothing to tell."""

    kind: str
    processors: tuple[str, ...]
    sentence: str
    remedy: str
    evidence: str
    confidence: Confidence
    look: Callable[[Operands], Finding | None]


def _extremes(seen: Range) -> tuple[float, float]:
    return (seen.low, seen.high) if seen.count else (0.0, 0.0)


def _margin(limit: float, reached: float) -> float:
    return limit / reached if reached > 0 else math.inf


def _accumulator(operands: Operands) -> Finding | None:
    """The largest sum that any order of the terms can pass through, for inputs as large as those seen."""
    reach, result = _largest_sum(operands), operands.result
    margin = _margin(FIXED_POINT_LIMIT, result.largest)
    if reach is None or (margin > NEAR and reach < FIXED_POINT_LIMIT):
        return None
    return Finding(
        _extremes(result), FIXED_POINT_LIMIT, margin, f"Inputs of the size seen allow sums up to {reach:.3g}."
    )


def _largest_sum(operands: Operands) -> float | None:
    """Return a bound of |sum of products| at any moment: the largest input times the largest sum of weights."""
    op = operands.op
    if op.type in ("conv", "linear"):
        weight, x = operands.constant("weight"), operands.range("x").largest
        if weight is None or weight.size == 0:
            return None
        rows = np.abs(weight.astype(np.float64)).reshape(weight.shape[0], -1).sum(1)
        return float(x * rows.max()) + operands.range("bias").largest
    if op.type == "matmul":
        return _largest_product(operands)
    return None


def _largest_product(operands: Operands) -> float | None:
    constant = operands.constant("y")
    if constant is None or constant.ndim < 2:
        return None
    axis = -1 if bool(operands.number("transpose_y")) else -2
    return float(operands.range("x").largest * np.abs(constant.astype(np.float64)).sum(axis).max())


def _overflow(operands: Operands) -> Finding | None:
    margin = _margin(FP16_LARGEST, operands.result.largest)
    return Finding(_extremes(operands.result), FP16_LARGEST, margin) if margin <= NEAR else None


_EXP_LIMIT = math.log(FP16_LARGEST)


def _exponential(operands: Operands) -> Finding | None:
    """Two below the limit on, which is a factor of seven of the result."""
    x = operands.range("x")
    near = operands.op.type == "exp" and x.count and x.high >= _EXP_LIMIT - 2
    return Finding(_extremes(x), _EXP_LIMIT, _margin(_EXP_LIMIT, x.high)) if near else None


_SOFTPLUS_LIMIT = math.log(FIXED_POINT_LIMIT)


def _softplus(operands: Operands) -> Finding | None:
    x = operands.range("x")
    near = operands.op.type in ("softplus", "softplus_parametric") and x.count and x.high >= _SOFTPLUS_LIMIT - 2
    return Finding(_extremes(x), _SOFTPLUS_LIMIT, _margin(_SOFTPLUS_LIMIT, x.high)) if near else None


def _log_sum_exp(operands: Operands) -> Finding | None:
    """Without a shift by the largest value, the sum of n exponentials ends at ln(65504 / n)."""
    x = operands.range("x")
    if operands.op.type != "reduce_log_sum_exp" or not x.count:
        return None
    terms = max(1, round(operands.range("x").count / max(1, operands.result.count)))
    limit = math.log(FP16_LARGEST / terms)
    return Finding(_extremes(x), limit, _margin(limit, x.high)) if x.high >= limit - 2 else None


_LOSS = 4.4e-6
"""The relative error of a fixed-point sum times the product of its operands' sizes.

Source: a plain model of the accumulator, which reproduces seeded measurements of matrix products to 1e-13
(sbryngelson/ANEForge@067717ab: bench/results).
"""


def _products(operands: Operands) -> Finding | None:
    """Errors of more than a hundredth are told."""
    parameters = ("x", "y") if operands.op.type == "matmul" else ("x", "weight")
    if operands.op.type not in ("conv", "linear", "matmul"):
        return None
    size = math.prod(operands.range(name).rms for name in parameters)
    limit = _LOSS / 1e-2
    if not 0 < size < limit:
        return None
    return Finding((size, size), limit, size / limit, f"Expected relative error: {_LOSS / size:.2g}.")


def _epsilon(operands: Operands) -> Finding | None:
    """An epsilon matters only where what it is added to comes near it: here, where zero was within its reach."""
    epsilon = operands.number("epsilon")
    if epsilon is None or not 0 < epsilon < FIXED_POINT_UNIT / 2:
        return None
    x = operands.range("x")
    guarded = operands.op.type in ("rsqrt", "log", "inverse")
    if not x.count or (guarded and x.low > FIXED_POINT_UNIT) or (not guarded and x.rms > FIXED_POINT_UNIT**0.5):
        return None
    return Finding(
        _extremes(x), FIXED_POINT_UNIT / 2, epsilon / (FIXED_POINT_UNIT / 2), f"Its epsilon is {epsilon:.2g}."
    )


def _mask(operands: Operands) -> Finding | None:
    """Constants beyond fp16, and infinities that came up, in what adds, selects or multiplies."""
    if operands.op.type not in ("add", "select", "mul", "sub", "where"):
        return None
    lows = [_lowest(operands, name) for name in operands.op.inputs]
    lowest = min((low for low in lows if low is not None), default=0.0)
    return Finding((lowest, lowest), -FP16_LARGEST, 1.0) if lowest <= -FP16_LARGEST else None


def _lowest(operands: Operands, parameter: str) -> float | None:
    array = operands.constant(parameter)
    if array is not None:
        return float(array.min()) if array.dtype.kind == "f" and array.size else None
    seen = operands.range(parameter)
    return -math.inf if seen.minus_infinities else None


_TABLES = {"sigmoid": 8.0, "tanh": 4.0, "erf": 2.0}
"""Where a table ends and holds its last value."""


def _tails(operands: Operands) -> Finding | None:
    x, end = operands.range("x"), _TABLES.get(operands.op.type)
    if end is None or not x.count or x.largest <= end:
        return None
    return Finding(_extremes(x), end, _margin(end, x.largest))


def _power(operands: Operands) -> Finding | None:
    if operands.op.type != "pow" or operands.number("x") != 2:
        return None
    return Finding(_extremes(operands.range("y")), 2.0, 1.0)


RULES: tuple[Rule, ...] = (
    Rule(
        "accumulator",
        (_NE,),
        "A sum of products that passes 32768 on its way becomes infinite there and stays so.",
        "scale the weights or the input down, or keep the op in fp32 (--fp32-op), which takes it off the engine",
        f"{_ENGINE}; data/06_numerics (n2.ovf1)",
        Confidence.MEASURED,
        _accumulator,
    ),
    Rule(
        "overflow",
        (_CPU, _GPU, _NE),
        "Beyond 65504 an fp16 value is infinite.",
        "keep the op, and those that read it, in fp32 (--fp32-op), or scale the values down",
        "IEEE 754 binary16",
        Confidence.DOCUMENTED,
        _overflow,
    ),
    Rule(
        "exp",
        (_CPU, _GPU, _NE),
        "exp of more than 11.09 is infinite in fp16.",
        "subtract the largest value before exp, as softmax does, or keep the op in fp32 (--fp32-op)",
        "sbryngelson/ane-guide@9eb1afe: 03-numerics.md",
        Confidence.MEASURED,
        _exponential,
    ),
    Rule(
        "softplus",
        (_NE,),
        "softplus of more than 10.39 is 0 on the Neural Engine, and so is what is made of it, such as mish.",
        "keep softplus in fp32 (--fp32-op softplus)",
        "apple/coremltools#2687, #2618",
        Confidence.MEASURED,
        _softplus,
    ),
    Rule(
        "log_sum_exp",
        (_NE,),
        "The Neural Engine sums exponentials as they are: with values beyond ln(65504 / n) the result is 0.",
        "subtract the maximum before, and add it again after",
        "apple/coremltools#2690",
        Confidence.MEASURED,
        _log_sum_exp,
    ),
    Rule(
        "small_products",
        (_NE,),
        "Products are kept to multiples of 2^-16 and dropped below 2^-17; the typical one here is not much larger.",
        "scale the input or the weights up and the result down again",
        f"{_ENGINE}; sbryngelson/ANEForge@067717ab: bench/results",
        Confidence.MEASURED,
        _products,
    ),
    Rule(
        "epsilon",
        (_NE,),
        "An epsilon below 2^-17 is lost on the Neural Engine: it guards no division there.",
        "use an epsilon of 1e-5 or more, or keep the op in fp32 (--fp32-op)",
        _ENGINE,
        Confidence.ASSUMED,
        _epsilon,
    ),
    Rule(
        "infinite_mask",
        (_CPU,),
        "A mask of -infinity, or of a number that fp16 has not, gave NaN on the CPU in 15 of 16 runs, and on no other"
        " unit.",
        "mask with -40000 in place of -infinity or the least float",
        "findit-studio/coremlit@46b9b51a: conversion/granite/README.md",
        Confidence.MEASURED,
        _mask,
    ),
    Rule(
        "table_end",
        (_NE,),
        "The Neural Engine looks the function up in a table, and beyond its end gives the last value: 3.4e-4 from the"
        " limit for sigmoid, 6.7e-4 for tanh, 4.7e-3 for erf.",
        "nothing, unless small differences from 0 or 1 matter, as before a logarithm: then keep the op in fp32"
        " (--fp32-op)",
        f"{_ENGINE} (F3b)",
        Confidence.MEASURED,
        _tails,
    ),
    Rule(
        "power_of_two",
        (_CPU, _GPU, _NE),
        "Core ML takes pow with the constant base 2 for the square of the exponent.",
        "write exp2, as a conversion by mlparity does, and convert again",
        "apple/coremltools#2628",
        Confidence.MEASURED,
        _power,
    ),
)
