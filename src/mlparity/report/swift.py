"""A Swift file that loads the recommended artifact with the compute units that were verified."""

from __future__ import annotations

from mlparity.core.record import Record
from mlparity.core.words import ComputeUnit, Target
from mlparity.report.evidence import evidence_comments, recommended

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


# Source: https://developer.apple.com/documentation/coreai/specializationoptions (all but the first are preferences).
_OPTIONS = {
    None: ".cpuOnly",
    ComputeUnit.CPU_AND_GPU: "SpecializationOptions(preferredComputeUnitKind: .gpu)",
    ComputeUnit.CPU_AND_NE: "SpecializationOptions(preferredComputeUnitKind: .neuralEngine)",
    ComputeUnit.ALL: ".default",
}

# Source of availability: https://developer.apple.com/documentation/coreai/aimodel
_COREAI_FILE = """\
{comments}
import CoreAI
import Foundation

/// Loads the model as it was verified.
@available(iOS 27.0, macOS 27.0, tvOS 27.0, visionOS 27.0, watchOS 27.0, *)
enum VerifiedModel {{
    /// Returns the model at `url` (an `.aimodel`), set to the compute units that passed.
    static func load(contentsOf url: URL) async throws -> AIModel {{
        try await AIModel(contentsOf: url, options: {options})
    }}
}}
"""


def swift_snippet(record: Record) -> str | None:
    """Return the file's text, or None where no setting of Core ML or Core AI is recommended."""
    coreai = recommended(record, Target.COREAI)
    if coreai is not None:
        comments = evidence_comments(record, coreai, "//")
        return _COREAI_FILE.format(comments=comments, options=_OPTIONS[coreai.setting.compute_unit])
    result = recommended(record, Target.COREML)
    if result is None or result.setting.compute_unit is None:
        return None
    unit = result.setting.compute_unit
    return _FILE.format(
        comments=evidence_comments(record, result, "//"), available=_AVAILABLE.get(unit, ""), case=_CASES[unit]
    )
