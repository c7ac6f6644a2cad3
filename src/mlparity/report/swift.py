"""A Swift file that loads the recommended artifact with the compute units that were verified."""

from __future__ import annotations

import unicodedata

from mlparity.core.numbers import format_number
from mlparity.core.record import Record, SettingResult
from mlparity.core.words import ComputeUnit, Target
from mlparity.record.files import record_sha256

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
    setting = record.recommendation.setting
    if setting is None or setting.target is not Target.COREML or setting.compute_unit is None:
        return None
    result = next((row for row in record.settings if row.setting == setting), None)
    if result is None:
        return None
    return _FILE.format(
        comments="\n".join(f"// {_one_line(line)}" for line in _evidence(record, result)),
        available=_AVAILABLE.get(setting.compute_unit, ""),
        case=_CASES[setting.compute_unit],
    )


def _evidence(record: Record, result: SettingResult) -> list[str]:
    return [
        f"Model: {record.source.name}, file {result.artifact}.",
        f"Verified by mlparity {record.mlparity_version} on {record.created} with {result.setting}:"
        f" {result.verdict} under the policy {record.policy.name!r}; the numbers are {result.standing}.",
        *(
            f"{output.output}: max {format_number(output.figures.get('max_abs'))},"
            f" mean {format_number(output.figures.get('mean_abs'))} on scale {format_number(output.scale, 3)}."
            for output in result.outputs
        ),
        f"Samples: {record.samples.count}. Record: SHA-256 {record_sha256(record)}.",
        "Other compute units may change the predictions: verify again before you change this file.",
    ]


def _one_line(text: str) -> str:
    """Keep a comment a comment: line ends, control characters and direction marks become spaces."""
    return "".join(" " if unicodedata.category(letter) in _BREAKING else letter for letter in text)


_BREAKING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
