"""The unit profiles: for each processor the plausible arithmetics of fp16-typed values, and for which chips.

Values of other types are computed in their own type on every unit; fp32-typed ops never run on the Neural Engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from mlparity.core.words import Confidence
from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.chips import CHIPS, Processor
from mlparity.engine.numerics.facts import Fact
from mlparity.engine.numerics.mlx_winograd import WinogradFp16
from mlparity.engine.numerics.numerics import Arithmetic, Override, Profile
from mlparity.engine.numerics.overrides import crop_times_sixteen, log_sum_exp_unshifted, narrow_sum
from mlparity.engine.numerics.profiles import FP32
from mlparity.engine.numerics.rounding import half_away
from mlparity.engine.numerics.unary_tables import TABLES_M1, TABLES_M6, Lookup

_MEASURED, _DOCUMENTED, _ASSUMED = Confidence.MEASURED, Confidence.DOCUMENTED, Confidence.ASSUMED


@dataclass(frozen=True, slots=True)
class UnitProfile:
    """One plausible numerics of a processor: for which chips, in which arithmetic, and how well each switch is known.

    `chips` are the M chips that it holds for (see `chips.CHIPS` for the others). A `leading` unit profile is the one
    that the evidence favours for its chips. `switches` tells each choice in words; the arithmetic itself is in
    `profile`.
    """

    name: str
    processor: Processor
    chips: tuple[str, ...]
    summary: str
    profile: Profile
    leading: bool
    switches: Mapping[str, Fact]


def _profile(name: str, summary: str, arithmetic: Arithmetic, confidence: Confidence, source: str) -> Profile:
    return Profile(
        name=name,
        summary=summary,
        compute=torch.float32,
        accum=torch.float32,
        grids={"fp16": torch.float16},
        confidence=confidence,
        source=source,
        arithmetics={"fp16": arithmetic},
    )


def _member(
    name: str,
    processor: Processor,
    chips: Iterable[str],
    summary: str,
    arithmetic: Arithmetic,
    switches: Mapping[str, Fact],
    *,
    leading: bool = False,
) -> UnitProfile:
    """Build a unit profile; its profile is as well known as its accumulator, and cites what that cites."""
    accumulator = switches["accumulator"]
    profile = _profile(name, summary, arithmetic, accumulator.confidence, "; ".join(accumulator.evidence))
    return UnitProfile(name, processor, tuple(chips), summary, profile, leading, switches)


_TYPED_EXECUTION = "https://apple.github.io/coremltools/docs-guides/source/typed-execution.html"
_STORE = Fact("fp16", _DOCUMENTED, (_TYPED_EXECUTION,))
_IEEE: dict[str, Fact] = {
    "store": _STORE,
    "rounding": Fact("to nearest even", _MEASURED, ("n2.rnd", "n3.add", "n3.mul")),
    "overflow": Fact("infinity beyond 65504", _MEASURED, ("n3.add", "n3.mul")),
    "denormals": Fact("kept", _MEASURED, ("n2.sub", "n3.add")),
    "nan": Fact("propagates", _MEASURED, ("n3.add.17", "n4")),
}
_CPU_CONV = ("n2.acc1024", "n2.mid", "n2.rnd", "i8.results.json", "SOURCES.md: CPU_ONLY")
_ALL = ("M1", "M2", "M3", "M4", "M5", "M6")

_CPU = (
    _member(
        "cpu-fp16-sequential",
        Processor.CPU,
        _ALL,
        "products summed in one fp16 accumulator, each step a fused multiply-add",
        Arithmetic(products=SequentialFp16()),
        _IEEE
        | {
            "accumulator": Fact("fp16, one lane, bias first; 1 by 1 convolutions on M4 and M6", _MEASURED, _CPU_CONV),
            "reductions": Fact("fp32", _ASSUMED),
            "unaries": Fact("fp32, then rounded", _ASSUMED, ("unary_error.csv: cpu",)),
        },
        leading=True,
    ),
    _member(
        "cpu-fp16-8-lanes",
        Processor.CPU,
        _ALL,
        "products summed in eight fp16 lanes that are added in pairs",
        Arithmetic(products=SequentialFp16(lanes=8)),
        _IEEE
        | {
            "accumulator": Fact("fp16, eight lanes; refuted for 1 by 1 convolutions, open for the rest", _ASSUMED),
            "reductions": Fact("fp32", _ASSUMED),
            "unaries": Fact("fp32, then rounded", _ASSUMED, ("unary_error.csv: cpu",)),
        },
    ),
    _member(
        "cpu-fp32",
        Processor.CPU,
        _ALL,
        "fp16 values, products summed in fp32",
        Arithmetic(),
        _IEEE
        | {
            "accumulator": Fact("fp32: an fp16-typed op may run in fp32", _DOCUMENTED, (_TYPED_EXECUTION,)),
            "reductions": Fact("fp32", _ASSUMED),
            "unaries": Fact("fp32, then rounded", _ASSUMED, ("unary_error.csv: cpu",)),
        },
    ),
)

_HOLLANCE = "https://github.com/hollance/neural-engine/blob/master/docs/16-bit.md"

_GPU_SWITCHES: dict[str, Fact] = {
    "store": _STORE,
    "overflow": Fact("infinity beyond 65504", _ASSUMED),
    "denormals": Fact("kept", _ASSUMED),
    "nan": Fact("propagates", _ASSUMED),
    "reductions": Fact("fp32", _ASSUMED),
    "unaries": Fact("fp32, then rounded", _ASSUMED),
}
_MLX_CONV = "https://github.com/ml-explore/mlx/blob/main/mlx/backend/metal/kernels/conv.metal"

_GPU = (
    _member(
        "gpu-fp32",
        Processor.GPU,
        _ALL,
        "fp16 values, products summed in fp32",
        Arithmetic(),
        _GPU_SWITCHES
        | {
            "accumulator": Fact("fp32", _DOCUMENTED, (_HOLLANCE, "models.csv: GPU arms", "gemm_conv_sweep.csv: gpu")),
            "rounding": Fact("to nearest even", _ASSUMED, ("gemm_conv_sweep.csv: gpu",)),
        },
        leading=True,
    ),
    _member(
        "gpu-fp16-8-lanes",
        Processor.GPU,
        _ALL,
        "low-precision accumulation allowed: products summed in eight fp16 lanes",
        Arithmetic(products=SequentialFp16(lanes=8)),
        _GPU_SWITCHES
        | {
            "accumulator": Fact("fp16, eight lanes: an option of Core ML's, off by default", _ASSUMED, (_HOLLANCE,)),
            "rounding": Fact("to nearest even", _ASSUMED),
        },
    ),
    _member(
        "gpu-winograd-fp16",
        Processor.GPU,
        _ALL,
        "fp32 sums, dense 3 by 3 convolutions by Winograd's F(6, 3) with parts stored in fp16",
        Arithmetic(products=WinogradFp16()),
        _GPU_SWITCHES
        | {
            "accumulator": Fact(
                "fp32; transformed values in fp16, as MLX has them: open for Core ML", _ASSUMED, (_MLX_CONV,)
            ),
            "rounding": Fact("to nearest even", _ASSUMED),
        },
    ),
)

_ANEFORGE = "https://github.com/sbryngelson/ANEForge/blob/main/docs/developer/numerics.md"
Overrides = dict[str, Override]

_FIXED = Fact(
    "32-bit fixed point, last place 2^-16, infinite from 32768 on, bias first",
    _MEASURED,
    ("n2", "n3.w", "n5", "n6", "gemm_conv_sweep.csv: ane"),
)
_ENGINE: dict[str, Fact] = {
    "store": _STORE,
    "product": Fact("kept where exponents add up to -16 or more, rounded half away to 2^-16", _MEASURED, ("n5", "n6")),
    "accumulator": _FIXED,
    "rounding": Fact("to nearest, halves away from zero", _MEASURED, ("n2.rnd", "n3.add", "aneg.tie2049.M5")),
    "overflow": Fact("sums of products from 32768 on, others beyond 65504", _MEASURED, ("n2.ovf1", "n3.mul")),
    "denormals": Fact("kept; products below 2^-17 are dropped", _MEASURED, ("n2.sub", "n6")),
    "nan": Fact("read as a large number; no result is NaN", _MEASURED, ("n4", "n3.add.17", "aneg")),
    "reductions": Fact("fp32", _ASSUMED, ("af.reduce",)),
    "exponentials": Fact("their sum in fp16, without a shift; 0 beyond 65504", _MEASURED, ("2690.cliff",)),
}

_TABLES = Fact("33 knots, straight between them", _MEASURED, ("lut_knots.json", "unary_error.csv: M6 ane"))
_TABLES_ASSUMED = Fact("33 knots, straight between them: M6's", _ASSUMED, ("lut_knots.json",))
_TABLES_M1 = Fact("33 knots, M1's own values at 0, else M6's", _ASSUMED, ("lut_knots.json: M1_H13", "aneg"))
_CROP = Fact("the width at an offset times 16", _MEASURED, ("af.slice", "aneg.slice_width_offset"))
_INT8 = Fact("32-bit integers, scaled at the end", _MEASURED, ("i8.results: ane",))
_INT8_ASSUMED = Fact("32-bit integers, scaled at the end: as M6", _ASSUMED, ("i8.results: ane",))
_DIRECT = Fact("direct", _MEASURED, ("gemm_conv_sweep.csv: conv3x3 of M1, M2 and M4 Max",))
_WINOGRAD = Fact("3 by 3 as Winograd F(2, 3) along the width", _MEASURED, ("gemm_conv_sweep.csv: M5 and M6",))
_BY_SHAPE = Fact("direct: the compiler chooses by shape", _ASSUMED, ("throughput.csv",))
_SLICES: Overrides = {"slice_by_index": crop_times_sixteen, "slice_by_size": crop_times_sixteen}
_EXPONENTIALS: Overrides = {"reduce_log_sum_exp": log_sum_exp_unshifted}
_NARROW: Overrides = {"reduce_sum": narrow_sum}
_NARROW_SUMS = Fact("reduce_sum in fp16, one after the other; the rest in fp32", _ASSUMED, (_ANEFORGE,))


def _engine(
    products: FixedPoint, tables: Mapping[str, Lookup], *, later: bool, reductions: Overrides | None = None
) -> Arithmetic:
    """Return the engine's arithmetic; from M4 on integers are summed as such, before it a crop scales by 16."""
    return Arithmetic(
        rounding=half_away,
        products=products,
        unaries=tables,
        absorbs_nan=True,
        sums_int8=later,
        overrides=_EXPONENTIALS | ({} if later else _SLICES) | (reductions or {}),
    )


_NE = (
    _member(
        "ne-m1",
        Processor.NE,
        ("M1", "M2"),
        "fixed-point sums, convolutions as they are, tables with M1's values",
        _engine(FixedPoint(), TABLES_M1, later=False),
        _ENGINE | {"convolution": _DIRECT, "unaries": _TABLES_M1, "crop": _CROP},
        leading=True,
    ),
    _member(
        "ne-m1-narrow-sums",
        Processor.NE,
        ("M1", "M2"),
        "as ne-m1, with sums of elements in fp16",
        _engine(FixedPoint(), TABLES_M1, later=False, reductions=_NARROW),
        _ENGINE | {"convolution": _DIRECT, "unaries": _TABLES_M1, "crop": _CROP, "reductions": _NARROW_SUMS},
    ),
    _member(
        "ne-m4",
        Processor.NE,
        ("M3", "M4"),
        "fixed-point sums, convolutions as they are",
        _engine(FixedPoint(), TABLES_M6, later=True),
        _ENGINE | {"convolution": _DIRECT, "unaries": _TABLES_ASSUMED, "int8": _INT8_ASSUMED},
        leading=True,
    ),
    _member(
        "ne-m6",
        Processor.NE,
        ("M5", "M6"),
        "fixed-point sums, dense 3 by 3 convolutions by Winograd's F(2, 3) along the width",
        _engine(FixedPoint(winograd=True), TABLES_M6, later=True),
        _ENGINE | {"convolution": _WINOGRAD, "unaries": _TABLES, "int8": _INT8},
        leading=True,
    ),
    _member(
        "ne-m6-direct",
        Processor.NE,
        ("M5", "M6"),
        "fixed-point sums, convolutions as they are where the compiler leaves Winograd out",
        _engine(FixedPoint(), TABLES_M6, later=True),
        _ENGINE | {"convolution": _BY_SHAPE, "unaries": _TABLES, "int8": _INT8},
    ),
)

UNIT_PROFILES: tuple[UnitProfile, ...] = (*_CPU, *_GPU, *_NE)

LOW_PRECISION_GPU = next(profile for profile in _GPU if profile.name == "gpu-fp16-8-lanes")
"""What a GPU does where an app sets Core ML's `allowLowPrecisionAccumulationOnGPU`, which is off by default."""

NETWORK_CPU = UnitProfile(
    "cpu-network",
    Processor.CPU,
    _ALL,
    "values without a declared type held and computed in fp32",
    FP32,
    leading=True,
    switches={
        "store": Fact("fp32", _DOCUMENTED, (_TYPED_EXECUTION,)),
        "accumulator": Fact("fp32", _DOCUMENTED, (_TYPED_EXECUTION,)),
        "reductions": Fact("fp32", _DOCUMENTED, (_TYPED_EXECUTION,)),
    },
)
"""What the CPU makes of a network's values; GPU and Neural Engine hold them in fp16, as those that are declared so."""


def unit_profiles_of(
    processor: Processor, chips: Iterable[str] | None = None, *, fast: bool = False, is_untyped: bool = False
) -> tuple[UnitProfile, ...]:
    """Return the profiles of `processor` for any of the chips (every chip where None), the leading ones first.

    With `fast` only the leading ones; `is_untyped` asks for those of a network.

    Raises:
        KeyError: an unknown chip; `CHIPS` has the known ones.
    """
    if is_untyped and processor is Processor.CPU:
        return (NETWORK_CPU,)
    wanted = set(_ALL) if chips is None else {CHIPS[chip].stands_for for chip in chips}
    found = [profile for profile in UNIT_PROFILES if profile.processor is processor and wanted & set(profile.chips)]
    return tuple(
        sorted((profile for profile in found if profile.leading or not fast), key=lambda profile: not profile.leading)
    )


def leading(processor: Processor, chip: str, *, is_untyped: bool = False) -> UnitProfile:
    """Return the unit profile of `processor` that the evidence favours for `chip`, for a network where `is_untyped`.

    Raises:
        KeyError: an unknown chip; `CHIPS` has the known ones.
    """
    return unit_profiles_of(processor, (chip,), fast=True, is_untyped=is_untyped)[0]
