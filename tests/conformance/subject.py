"""What is tested: ML Programs, networks in plain fp32, or networks in the arithmetic of a chip's units.

Two variables of the environment say which: coremltools' own PYMIL_TEST_TARGETS, `mlprogram` or `neuralnetwork`, and
CONFORMANCE_UNITS, as which compute units every model is run in place of plain arithmetic.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self

PROGRAM, NETWORK = "mlprogram", "neuralnetwork"

_OPS, _TORCH = "converters/mil/mil/ops/tests", "converters/mil/frontend/torch/test"

_PROGRAM_SUITES = (
    _OPS,
    _TORCH,
    "converters/mil/mil/passes/tests",
    "converters/mil/backend/mil",
    "converters/mil/test_inputs_outputs_shape.py",
    "test/api/test_api_examples.py",
    "test/ml_program",
    "test/optimize/coreml",
)

_NETWORK_SUITES = (_OPS, f"{_TORCH}/test_torch_ops.py", "test/neural_network", "test/pipeline")


@dataclass(frozen=True, slots=True)
class Subject:
    """The format that coremltools' tests convert to, and the units that models run as; plain arithmetic where ""."""

    target: str
    units: str = ""

    @classmethod
    def from_environment(cls) -> Self:
        """Return what the environment asks for."""
        return cls(os.environ.get("PYMIL_TEST_TARGETS", PROGRAM), os.environ.get("CONFORMANCE_UNITS", ""))

    @property
    def suites(self) -> tuple[str, ...]:
        """Paths below the installed coremltools."""
        return _PROGRAM_SUITES if self.target == PROGRAM else _NETWORK_SUITES

    @property
    def folder(self) -> str:
        """The name of the folder of the results."""
        words = ["results", *([] if self.target == PROGRAM else [self.target]), *([self.units] if self.units else [])]
        return "-".join(words)
