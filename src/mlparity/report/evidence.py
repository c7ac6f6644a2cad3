"""What a loader says in its comments of the setting that was verified."""

from __future__ import annotations

import unicodedata

from mlparity.core.finiteness import left_out_note
from mlparity.core.numbers import format_number
from mlparity.record.envelopes import dominating_profiles
from mlparity.record.files import record_sha256
from mlparity.record.record import Record
from mlparity.record.rows import SettingResult


def evidence_comments(record: Record, result: SettingResult, mark: str) -> str:
    """Return the lines that say what was verified, each behind the comment's `mark`."""
    return "\n".join(f"{mark} {_one_line(line)}" for line in _evidence(record, result))


def _evidence(record: Record, result: SettingResult) -> list[str]:
    return [
        f"Model: {record.source.name}, file {result.artifact}.",
        f"Verified by mlparity {record.mlparity_version} on {record.created} with {result.setting}:"
        f" {result.verdict} under the policy {record.policy.name!r};"
        f" the numbers are {result.provenance}{_basis(result)}.",
        *(
            f"{output.output}: max {format_number(output.figures.get('max_abs'))},"
            f" mean {format_number(output.figures.get('mean_abs'))} on scale {format_number(output.scale, 3)}"
            f"{left_out_note(output.figures, output.elements)}."
            for output in result.outputs
        ),
        f"Samples: {record.samples.count}. Record: SHA-256 {record_sha256(record)}.",
        "Other compute units may change the predictions: verify again before you change this file.",
    ]


def _basis(result: SettingResult) -> str:
    """Say of emulated numbers how well their profiles are known, and which of them gave these."""
    envelope = result.envelope
    if envelope is None:
        return ""
    profiles, count = ", ".join(dominating_profiles(result)), len(envelope.runs)
    which = "the one plausible variant" if count == 1 else f"the worst of {count} plausible variants"
    return f" ({envelope.confidence}; {which}: {profiles})"


def _one_line(text: str) -> str:
    """Keep a comment a comment: line ends, control characters and direction marks become spaces."""
    return "".join(" " if unicodedata.category(letter) in _BREAKING else letter for letter in text)


_BREAKING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
