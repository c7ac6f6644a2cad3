"""The project's vocabulary as enumerations and the frozen `Setting`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum


class Precision(StrEnum):
    """The floating type of a converted graph's weights and values; a neural network of Core ML declares none."""

    FP32 = "fp32"
    FP16 = "fp16"
    NEURAL_NETWORK = "neuralnetwork"


DECLARED = (Precision.FP32, Precision.FP16)
"""The precisions that are types."""


class ComputeUnit(StrEnum):
    """The processors that Core ML may use for a model, by Core ML's own names.

    Source: https://apple.github.io/coremltools/source/coremltools.models.html (`ComputeUnit`).
    """

    CPU_ONLY = "CPU_ONLY"
    CPU_AND_GPU = "CPU_AND_GPU"
    CPU_AND_NE = "CPU_AND_NE"
    ALL = "ALL"

    @property
    def processors(self) -> tuple[str, ...]:
        """The processors that may run an op: CPU, GPU, NE (the Neural Engine)."""
        return _PROCESSORS[self]


class Kernels(StrEnum):
    """Other implementations of a runtime's ops than its usual one; they stand where a setting has compute units.

    `REFERENCE`: plain kernels, written to be right and not fast.
    """

    REFERENCE = "REFERENCE"


_PROCESSORS = {
    ComputeUnit.CPU_ONLY: ("CPU",),
    ComputeUnit.CPU_AND_GPU: ("CPU", "GPU"),
    ComputeUnit.CPU_AND_NE: ("CPU", "NE"),
    ComputeUnit.ALL: ("CPU", "GPU", "NE"),
}


class Provenance(StrEnum):
    """Where a number comes from.

    `measured`: a real runtime or device. `computed`: our engine, in reference arithmetic. `emulated`: our engine, in
    the arithmetic of a compute unit. `estimated`: neither was run.
    """

    MEASURED = "measured"
    COMPUTED = "computed"
    EMULATED = "emulated"
    ESTIMATED = "estimated"


class Confidence(StrEnum):
    """How well an emulated behaviour is known, best first: measured on a device, documented, or assumed."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"


class Grade(StrEnum):
    """How good a setting is.

    `consistent`: it passes the policy `consistency`, so it computes the same numbers. `acceptable`: it passes the
    user's policy. `not acceptable`: it passes neither. `unknown`: it could not be compared.
    """

    CONSISTENT = "consistent"
    ACCEPTABLE = "acceptable"
    NOT = "not acceptable"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """The answer of a verification, or of one setting: `unknown` if nothing could be compared, never `pass`."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


DEFAULT_TARGET = "coreml"
"""The target of a setting whose name gives none."""

_NAME = re.compile("[a-z][a-z0-9_]{0,40}")
_COMPRESSION = re.compile("[a-z][a-z0-9_-]{0,40}")
_DEPLOYMENT = re.compile("[A-Za-z][A-Za-z0-9]{0,40}")


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run a model, named `[target/]format[+compression][@deployment][/unit]`.

    A target without compute units may have other `Kernels` in their place.
    `target` is the target's name. `compression` says how the weights are stored, "" for not compressed. `compute_unit`
    is None for a target that offers no choice. `deployment` is the deployment target that the conversion is for, such
    as "iOS18", where several are verified together, else "".

    Raises:
        ValueError: the target, the compression or the deployment target is not a plain name.
    """

    target: str
    precision: Precision
    compute_unit: ComputeUnit | Kernels | None = None
    compression: str = ""
    deployment: str = ""

    def __post_init__(self) -> None:
        """Refuse names that are not plain ones: a record may come from anywhere.

        Raises:
            ValueError: a target, a compression or a deployment target that is no name.
        """
        is_named = not self.compression or _COMPRESSION.fullmatch(self.compression)
        is_known = not self.deployment or _DEPLOYMENT.fullmatch(self.deployment)
        if not (_NAME.fullmatch(self.target) and is_named and is_known):
            raise ValueError(f"no setting: {self.target!r}, {self.compression!r}, {self.deployment!r}")

    @property
    def uncompressed(self) -> Setting:
        """The same with its weights as they are."""
        return replace(self, compression="")

    @property
    def of_any_deployment(self) -> Setting:
        """The same for no deployment target in particular."""
        return replace(self, deployment="")

    @property
    def depends_on_device(self) -> bool:
        """Whether other processors than the CPU may compute it."""
        return self.unit is not None and self.unit is not ComputeUnit.CPU_ONLY

    @property
    def unit(self) -> ComputeUnit | None:
        """The compute units, None for a target that has none."""
        return self.compute_unit if isinstance(self.compute_unit, ComputeUnit) else None

    @property
    def computes_in(self) -> Precision:
        """The type that it is computed in where ops can run in it: on the CPU a network's is fp32, elsewhere fp16.

        Source: https://apple.github.io/coremltools/docs-guides/source/typed-execution.html
        """
        if self.precision is not Precision.NEURAL_NETWORK:
            return self.precision
        return Precision.FP16 if self.depends_on_device else Precision.FP32

    def __str__(self) -> str:
        """Print `fp16/CPU_AND_NE` for Core ML, `litert/fp32` and `coreai/fp16/CPU_AND_NE` for other targets."""
        form = f"{self.precision}+{self.compression}" if self.compression else self.precision
        form = f"{form}@{self.deployment}" if self.deployment else form
        named = (self.target if self.target != DEFAULT_TARGET else None, form, self.compute_unit)
        return "/".join(str(part) for part in named if part is not None)
