"""The project's vocabulary as enumerations and the frozen `Setting`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


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


class Provenance(StrEnum):
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


DEFAULT_TARGET = "coreml"
"""The target of a setting whose name gives none."""

_NAME = re.compile("[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run an artifact, named `[target/]format[+compression][/unit]`.

    `target` is the name of a target, `compression` what was done to the weights ("" for nothing), and `compute_unit`
    the processors that the artifact is loaded for, None where a target has no such choice.
    """

    target: str
    precision: Precision
    compute_unit: ComputeUnit | None = None
    compression: str = ""

    def __post_init__(self) -> None:
        """Refuse names that are not plain ones: a record may come from anywhere.

        Raises:
            ValueError: a target or a compression that is no name.
        """
        if not all(_NAME.fullmatch(part) for part in (self.target, self.compression or DEFAULT_TARGET)):
            raise ValueError(f"no setting: {self.target!r}, {self.compression!r}")

    @property
    def depends_on_device(self) -> bool:
        """Whether other processors than the CPU may compute it."""
        return self.compute_unit is not None and self.compute_unit is not ComputeUnit.CPU_ONLY

    def __str__(self) -> str:
        """Print `fp16/CPU_AND_NE` for Core ML, `litert/fp32` and `coreai/fp16/CPU_AND_NE` for other targets."""
        form = f"{self.precision}+{self.compression}" if self.compression else self.precision
        named = (self.target if self.target != DEFAULT_TARGET else None, form, self.compute_unit)
        return "/".join(str(part) for part in named if part is not None)
