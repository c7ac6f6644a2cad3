"""The project's vocabulary as enumerations and the frozen `Setting`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Target(StrEnum):
    """What a source is converted to."""

    COREML = "coreml"
    LITERT = "litert"
    ONNX = "onnx"
    COREAI = "coreai"


class Precision(StrEnum):
    """The type that a converted graph stores its values in."""

    FP32 = "fp32"
    FP16 = "fp16"


class ComputeUnit(StrEnum):
    """Core ML's own names for the sets of processors that a model may run on.

    Source: https://apple.github.io/coremltools/source/coremltools.models.html (`ComputeUnit`).
    """

    CPU_ONLY = "CPU_ONLY"
    CPU_AND_GPU = "CPU_AND_GPU"
    CPU_AND_NE = "CPU_AND_NE"
    ALL = "ALL"


class Standing(StrEnum):
    """Where a number comes from; every number that is shown or stored carries it."""

    MEASURED = "measured"
    COMPUTED = "computed"
    EMULATED = "emulated"
    ESTIMATED = "estimated"


class Confidence(StrEnum):
    """How well an emulated behaviour is known, the least known last."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"


class Grade(StrEnum):
    """What a setting is good for: the same numbers, the user's policy, neither, or nobody knows."""

    CONSISTENT = "consistent"
    ACCEPTABLE = "acceptable"
    NOT = "not acceptable"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """The answer for one setting; nothing compared or nothing readable is `unknown`, never `pass`."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run an artifact: its target, its precision and, for Core ML and Core AI, the compute units."""

    target: Target
    precision: Precision
    compute_unit: ComputeUnit | None = None

    def __str__(self) -> str:
        """Print `fp16/CPU_AND_NE` for Core ML, `litert/fp32` and `coreai/fp16/CPU_AND_NE` for other targets."""
        named = (self.target if self.target is not Target.COREML else None, self.precision, self.compute_unit)
        return "/".join(str(each) for each in named if each is not None)


def coreml_settings() -> tuple[Setting, ...]:
    """Return the eight Core ML settings: both precisions on the four sets of compute units."""
    return tuple(Setting(Target.COREML, precision, unit) for precision in Precision for unit in ComputeUnit)


def coreai_settings() -> tuple[Setting, ...]:
    """Return Core AI's settings: both precisions on the CPU, which is everywhere, and on units that macOS offers."""
    units = (None, ComputeUnit.CPU_AND_GPU, ComputeUnit.CPU_AND_NE, ComputeUnit.ALL)
    return tuple(Setting(Target.COREAI, precision, unit) for unit in units for precision in Precision)
