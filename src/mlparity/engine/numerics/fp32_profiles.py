"""The unit profiles of a GPU for fp32-typed values: the plausible arithmetics, and for which chips.

The CPU's is IEEE 754's, as its documents say. What Core ML's GPU does in fp32 nobody published: the first profile is
what Metal documents, the others are what the hardware can do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mlparity.core.words import Confidence
from mlparity.engine.numerics.chips import CHIPS, Processor
from mlparity.engine.numerics.facts import Fact
from mlparity.engine.numerics.numerics import Arithmetic
from mlparity.engine.numerics.profiles import TYPED
from mlparity.engine.numerics.tf32 import Tf32
from mlparity.engine.numerics.unit_profiles import UnitProfile

_LEAST_NORMAL = 2.0**-126
_PER_LN, _LN = 1.4426950408889634, 0.6931471805599453


def flushed(x: Tensor) -> Tensor:
    """Return fp32 values with subnormals as zeros."""
    return torch.where(x.abs() < _LEAST_NORMAL, torch.zeros_like(x), x)


def _exp(x: Tensor) -> Tensor:
    return torch.exp2(x * _PER_LN)


def _log(x: Tensor) -> Tensor:
    return torch.log2(x) * _LN


def _sigmoid(x: Tensor) -> Tensor:
    return torch.reciprocal(1 + _exp(-x))


def _tanh(x: Tensor) -> Tensor:
    return 1 - 2 * torch.reciprocal(_exp(2 * x) + 1)


FAST: Mapping[str, Callable[[Tensor], Tensor]] = {
    "exp": _exp,
    "log": _log,
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "tanh": _tanh,
}
"""Functions by powers and logarithms of two in fp32, so that the error grows with the argument as Metal allows."""

_METAL = "https://developer.apple.com/metal/Metal-Shading-Language-Specification.pdf: numerical compliance"
_MLX_M5 = "gemm_conv_sweep.csv: gpu, fp32, M5"
_SAME_CLASSES = "https://github.com/apple/coremltools/issues/2625: 80,040 images, the same right answers on an M4 Pro"
_EVERY = ("M1", "M2", "M3", "M4", "M5", "M6")
_SWITCHES: Mapping[str, Fact] = {
    "store": Fact("fp32", Confidence.DOCUMENTED, (_METAL,)),
    "reductions": Fact("fp32", Confidence.ASSUMED),
}


def _profile(
    name: str, chips: Iterable[str], summary: str, arithmetic: Arithmetic, fact: Fact, *, leading: bool = True
) -> UnitProfile:
    profile = replace(
        TYPED,
        name=name,
        summary=summary,
        grids={**TYPED.grids, **({"fp32": torch.float32} if arithmetic.rounding is flushed else {})},
        arithmetics={"fp32": arithmetic},
        confidence=fact.confidence,
        source="; ".join(fact.evidence),
    )
    switches = {**_SWITCHES, "accumulator": fact}
    return UnitProfile(name, Processor.GPU, tuple(chips), summary, profile, leading, switches)


IEEE = _profile(
    "gpu-fp32-ieee",
    _EVERY,
    "fp32 values and sums, rounded as IEEE 754 says: what the CPU does",
    Arithmetic(),
    Fact("fp32, to nearest even", Confidence.DOCUMENTED, (_METAL, _SAME_CLASSES)),
)
"""What a reference run computes: it is not run again."""

FP32_PROFILES: tuple[UnitProfile, ...] = (
    IEEE,
    _profile(
        "gpu-fp32-tf32",
        ("M5", "M6"),
        "matrix products of operands cut to TF32, by the matrix units of M5",
        Arithmetic(products=Tf32()),
        Fact("fp32, operands cut to TF32: measured with MLX, open for Core ML", Confidence.ASSUMED, (_MLX_M5,)),
        leading=False,
    ),
    _profile(
        "gpu-fp32-fast",
        _EVERY,
        "Metal's fast functions, subnormals flushed to zero",
        Arithmetic(rounding=flushed, unaries=FAST),
        Fact("fp32; fast functions are Metal's default, open for Core ML", Confidence.ASSUMED, (_METAL,)),
        leading=False,
    ),
)


def fp32_profiles_of(chips: Iterable[str], *, fast: bool = False) -> tuple[UnitProfile, ...]:
    """Return the GPU's profiles for any of the chips in fp32; with `fast` only the leading ones.

    Raises:
        KeyError: an unknown chip; `CHIPS` has the known ones.
    """
    wanted = {CHIPS[chip].stands_for for chip in chips}
    return tuple(each for each in FP32_PROFILES if wanted & set(each.chips) and (each.leading or not fast))
