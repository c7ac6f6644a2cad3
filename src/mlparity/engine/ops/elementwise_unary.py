"""MIL's element-wise functions of one tensor, and `cast`.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` and `iOS17`, `elementwise_unary.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html). The definitions of iOS17
differ in the types that they allow, which values held wide do not see; `clip` alone is stricter there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op

LEAST_FP32 = 2.0**-149
"""What MIL's 1e-45 is in fp32: the least number above zero."""

FLOAT_TARGETS = frozenset({"fp16", "fp32"})

INTEGER_TARGETS: dict[str, tuple[torch.dtype, int, int]] = {
    "int8": (torch.int8, -(2**7), 2**7 - 1),
    "uint8": (torch.uint8, 0, 2**8 - 1),
    "int16": (torch.int16, -(2**15), 2**15 - 1),
    "uint16": (torch.int32, 0, 2**16 - 1),
    "int32": (torch.int32, -(2**31), 2**31 - 1),
}
"""What `cast` may make besides floats and booleans: the type that holds it, its least and its greatest value."""


@mil_op("abs", rounding=Rounding.NONE)
def abs_(x: Tensor) -> Tensor:
    """Return the absolute value."""
    return x.abs()


@mil_op("acos", rounding=Rounding.ELEMENT)
def acos(x: Tensor) -> Tensor:
    """Return the inverse cosine; NaN outside of [-1, 1]."""
    return x.acos()


@mil_op("asin", rounding=Rounding.ELEMENT)
def asin(x: Tensor) -> Tensor:
    """Return the inverse sine; NaN outside of [-1, 1]."""
    return x.asin()


@mil_op("atan", rounding=Rounding.ELEMENT)
def atan(x: Tensor, *, num: Numerics) -> Tensor:
    """Return the inverse tangent."""
    return num.unary("atan", x, torch.atan)


@mil_op("atanh", rounding=Rounding.ELEMENT)
def atanh(x: Tensor) -> Tensor:
    """Return the inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond."""
    return x.atanh()


@mil_op("cast", rounding=Rounding.ELEMENT)
def cast(x: Tensor, dtype: str, *, num: Numerics) -> Tensor:
    """Return `x` as the type named `dtype`.

    Rounding: a float becomes an integer towards zero; beyond the type's range it becomes the nearest end, and NaN
    becomes 0 (assumed: what Arm's FCVTZS does). A wider integer keeps its low bits (assumed).

    Raises:
        ValueError: `dtype` is none of MIL's names.
    """
    if dtype in FLOAT_TARGETS:
        return x.to(num.compute)
    if dtype == "bool":
        return x.to(torch.bool)
    if dtype not in INTEGER_TARGETS:
        known = ", ".join(sorted({*FLOAT_TARGETS, *INTEGER_TARGETS, "bool"}))
        raise ValueError(f"cannot cast to {dtype!r}; the types are {known}")
    held, least, greatest = INTEGER_TARGETS[dtype]
    if x.is_floating_point():
        return x.double().nan_to_num(0.0, greatest, least).clamp(least, greatest).to(held)
    return x.to(held) & greatest if dtype == "uint16" else x.to(held)


@mil_op("ceil", rounding=Rounding.NONE)
def ceil(x: Tensor) -> Tensor:
    """Return the least integer that is not below each element."""
    return x.ceil()


@mil_op("clip", rounding=Rounding.NONE)
def clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return the elements held within [alpha, beta]; where alpha is above beta, `beta` everywhere."""
    return x.clamp(alpha, beta)


@mil_op("clip", since=17, rounding=Rounding.NONE)
def clip_17(x: Tensor, alpha: float, beta: float) -> Tensor:
    """Return the elements held within [alpha, beta].

    Raises:
        ValueError: alpha is not below beta.
    """
    if alpha >= beta:
        raise ValueError(f"alpha {alpha} is not below beta {beta}")
    return x.clamp(alpha, beta)


@mil_op("cos", rounding=Rounding.ELEMENT)
def cos(x: Tensor, *, num: Numerics) -> Tensor:
    """Return the cosine."""
    return num.unary("cos", x, torch.cos)


@mil_op("cosh", rounding=Rounding.ELEMENT)
def cosh(x: Tensor) -> Tensor:
    """Return the hyperbolic cosine."""
    return x.cosh()


@mil_op("erf", rounding=Rounding.ELEMENT)
def erf(x: Tensor, *, num: Numerics) -> Tensor:
    """Return the error function."""
    return num.unary("erf", x, torch.erf)


@mil_op("exp", rounding=Rounding.ELEMENT)
def exp(x: Tensor, *, num: Numerics) -> Tensor:
    """Return e to the power of each element."""
    return num.unary("exp", x, torch.exp)


@mil_op("exp2", rounding=Rounding.ELEMENT)
def exp2(x: Tensor) -> Tensor:
    """Return 2 to the power of each element; for integers, fractions become 0."""
    return x.exp2() if x.is_floating_point() else x.double().exp2().to(x.dtype)


@mil_op("floor", rounding=Rounding.NONE)
def floor(x: Tensor) -> Tensor:
    """Return the greatest integer that is not above each element."""
    return x.floor()


@mil_op("inverse", rounding=Rounding.ELEMENT)
def inverse(x: Tensor, epsilon: float = 1e-4, *, num: Numerics) -> Tensor:
    """Return 1 / (x + epsilon)."""
    return num.unary("inverse", x + epsilon, torch.reciprocal)


@mil_op("log", rounding=Rounding.ELEMENT)
def log(x: Tensor, epsilon: float = LEAST_FP32, *, num: Numerics) -> Tensor:
    """Return the natural logarithm of x + epsilon."""
    return num.unary("log", x + epsilon, torch.log)


@mil_op("logical_not", rounding=Rounding.NONE)
def logical_not(x: Tensor) -> Tensor:
    """Return the opposite truth value."""
    return x.logical_not()


@mil_op("round", rounding=Rounding.NONE)
def round_(x: Tensor) -> Tensor:
    """Return the nearest integer; halves go to the even one (documented for 0.5 alone, assumed for the others)."""
    return x.round()


@mil_op("rsqrt", rounding=Rounding.ELEMENT)
def rsqrt(x: Tensor, epsilon: float = 1e-12, *, num: Numerics) -> Tensor:
    """Return 1 / sqrt(x + epsilon)."""
    return num.unary("rsqrt", x + epsilon, torch.rsqrt)


@mil_op("sign", rounding=Rounding.NONE)
def sign(x: Tensor) -> Tensor:
    """Return -1, 0 or 1; 0 for NaN, as PyTorch does (assumed)."""
    return x.sign()


@mil_op("sin", rounding=Rounding.ELEMENT)
def sin(x: Tensor, *, num: Numerics) -> Tensor:
    """Return the sine."""
    return num.unary("sin", x, torch.sin)


@mil_op("sinh", rounding=Rounding.ELEMENT)
def sinh(x: Tensor) -> Tensor:
    """Return the hyperbolic sine."""
    return x.sinh()


@mil_op("sqrt", rounding=Rounding.ELEMENT)
def sqrt(x: Tensor, *, num: Numerics) -> Tensor:
    """Return the square root; NaN below zero."""
    return num.unary("sqrt", x, torch.sqrt)


@mil_op("square", rounding=Rounding.ELEMENT)
def square(x: Tensor) -> Tensor:
    """Return the square."""
    return x.square()


@mil_op("tan", rounding=Rounding.ELEMENT)
def tan(x: Tensor) -> Tensor:
    """Return the tangent."""
    return x.tan()


@mil_op("tanh", rounding=Rounding.ELEMENT)
def tanh(x: Tensor, *, num: Numerics) -> Tensor:
    """Return the hyperbolic tangent."""
    return num.unary("tanh", x, torch.tanh)


@mil_op("threshold", rounding=Rounding.NONE)
def threshold(x: Tensor, alpha: float) -> Tensor:
    """Return the elements, none below `alpha`."""
    return x.clamp(min=alpha)
