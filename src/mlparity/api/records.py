"""The record of a verification, wherever it is: a file, a folder, or the metadata of an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence
from mlparity.report.decision import recommendation_text
from mlparity.verification.check import Finding, findings_of, verdict_of
from mlparity.verification.records import record_at

__all__ = ["Finding", "check_artifact", "read_any_record", "summary_of", "verdict_of"]


@typed_errors
def read_any_record(path: Path) -> Record | Mapping[str, str]:
    """Return the record in a file or an output folder, or the texts that an artifact carries.

    Raises:
        FormatError: nothing there, or no record in it.
    """
    return record_at(path)


@typed_errors
def check_artifact(path: Path, unit: str = "", record: Path | None = None) -> tuple[Finding, ...]:
    """Return what holds of the artifact at `path`: its content, the `unit` it is to run on, and its `record` if given.

    Without `unit` the setting that the record recommends is asked for. An artifact without a record is `unknown`.
    What an artifact says of itself anyone can change. With `record` each of its texts is compared with what the record
    says of an artifact of this content; that nobody changed the record, a signature beside it tells.

    Raises:
        FormatError: no such artifact, or it or the record cannot be read.
    """
    return findings_of(path, unit, record)


def summary_of(record: Record) -> str:
    """Return a record in three lines of words: the verdict, why the artifacts differ, and what to ship."""
    lines = (f"{record.verdict} ({record.policy.name})", cause_sentence(record), recommendation_text(record))
    return "\n".join(lines)
