"""Files that load a package with the compute units that were verified: in Swift for the app, and in Python."""

from __future__ import annotations

from mlparity.core.words import ComputeUnit
from mlparity.record.rows import SettingResult

# Source: https://developer.apple.com/documentation/coreml/mlcomputeunits
_CASES = {
    ComputeUnit.CPU_ONLY: "cpuOnly",
    ComputeUnit.CPU_AND_GPU: "cpuAndGPU",
    ComputeUnit.CPU_AND_NE: "cpuAndNeuralEngine",
    ComputeUnit.ALL: "all",
}
# `cpuAndNeuralEngine` came after the other cases (same source).
_AVAILABLE = {ComputeUnit.CPU_AND_NE: "    @available(iOS 16.0, macOS 13.0, tvOS 16.0, watchOS 9.0, *)\n"}

_SWIFT = """\
{comments}
import CoreML
import Foundation

/// Loads the model as it was verified.
enum VerifiedModel {{
    /// Returns the model at `url` (a compiled `.mlmodelc`), set to the compute units that passed.
{available}    static func load(contentsOf url: URL) throws -> MLModel {{
        let configuration = MLModelConfiguration()
        configuration.computeUnits = .{case}
        return try MLModel(contentsOf: url, configuration: configuration)
    }}
}}
"""


_PYTHON = '''\
{comments}
"""Loads the model as it was verified; needs coremltools alone."""

from pathlib import Path

import coremltools as ct

MODEL = Path(__file__).with_name({artifact!a})


def load() -> ct.models.MLModel:
    """Return the model, set to the compute units that passed."""
    return ct.models.MLModel(str(MODEL), compute_units=ct.ComputeUnit.{unit})
'''


def swift_snippet(result: SettingResult, comments: str) -> str | None:
    """Return a Swift file with these comments; None where the setting names no compute units."""
    unit = result.setting.unit
    if unit is None:
        return None
    return _SWIFT.format(comments=comments, available=_AVAILABLE.get(unit, ""), case=_CASES[unit])


def python_loader(result: SettingResult, comments: str) -> str:
    """Return a Python file with these comments."""
    return _PYTHON.format(comments=comments, artifact=result.artifact, unit=result.setting.unit)
