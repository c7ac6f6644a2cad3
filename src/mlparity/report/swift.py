"""A Swift file that loads the recommended artifact with the compute units that were verified."""

from __future__ import annotations

from mlparity.core.record import Record
from mlparity.core.words import ComputeUnit
from mlparity.report.evidence import evidence_comments, recommended_coreml

# Source: https://developer.apple.com/documentation/coreml/mlcomputeunits
_CASES = {
    ComputeUnit.CPU_ONLY: "cpuOnly",
    ComputeUnit.CPU_AND_GPU: "cpuAndGPU",
    ComputeUnit.CPU_AND_NE: "cpuAndNeuralEngine",
    ComputeUnit.ALL: "all",
}
# `cpuAndNeuralEngine` came after the other cases (same source).
_AVAILABLE = {ComputeUnit.CPU_AND_NE: "    @available(iOS 16.0, macOS 13.0, tvOS 16.0, watchOS 9.0, *)\n"}

_FILE = """\
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


def swift_snippet(record: Record) -> str | None:
    """Return the file's text, or None where no Core ML setting is recommended."""
    result = recommended_coreml(record)
    if result is None or result.setting.compute_unit is None:
        return None
    unit = result.setting.compute_unit
    return _FILE.format(
        comments=evidence_comments(record, result, "//"), available=_AVAILABLE.get(unit, ""), case=_CASES[unit]
    )
