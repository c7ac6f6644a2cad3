"""A Swift file that loads a model with the compute units that were verified."""

from __future__ import annotations

from mlparity.core.words import ComputeUnit
from mlparity.record.rows import SettingResult

# Source: https://developer.apple.com/documentation/coreai/specializationoptions (all but the first are preferences).
_OPTIONS = {
    None: ".cpuOnly",
    ComputeUnit.CPU_AND_GPU: "SpecializationOptions(preferredComputeUnitKind: .gpu)",
    ComputeUnit.CPU_AND_NE: "SpecializationOptions(preferredComputeUnitKind: .neuralEngine)",
    ComputeUnit.ALL: ".default",
}

# Source of availability: https://developer.apple.com/documentation/coreai/aimodel
_SWIFT = """\
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


def swift_snippet(result: SettingResult, comments: str) -> str:
    """Return a Swift file with these comments."""
    return _SWIFT.format(comments=comments, options=_OPTIONS[result.setting.unit])
