"""Whether an artifact still is what was verified: its bytes, its record and the setting it is loaded with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.core.errors import FormatError
from mlparity.core.words import Standing, Verdict
from mlparity.record.files import read_record, record_sha256
from mlparity.record.metadata import read_metadata
from mlparity.record.package import PREFIX, artifact_sha256


@dataclass(frozen=True, slots=True)
class Finding:
    """One question about an artifact, its answer, and the sentence that says what was compared with what."""

    question: str
    verdict: Verdict
    sentence: str


@typed_errors
def check_artifact(path: Path, unit: str = "", record: Path | None = None) -> tuple[Finding, ...]:
    """Return what holds of the artifact at `path`: its content, the `unit` it is to run on, and its `record` if given.

    Without `unit` the setting that the record recommends is asked for. An artifact without a record is `unknown`.

    Raises:
        FormatError: no such artifact, or it or the record cannot be read.
    """
    if not path.exists():
        raise FormatError("no such artifact", where=str(path), next_step="check the path")
    metadata = {name.removeprefix(PREFIX): value for name, value in read_metadata(path).items()}
    if not metadata:
        return (Finding("record", Verdict.UNKNOWN, "the artifact carries no record: it was never verified"),)
    findings = (_content(path, metadata), _setting(metadata, unit))
    return findings if record is None else (*findings, _record(metadata, record))


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """Return `fail` where anything fails, `pass` where everything passes, and `unknown` otherwise."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.UNKNOWN


def _content(path: Path, metadata: Mapping[str, str]) -> Finding:
    verified = metadata.get("artifact.sha256", "")
    if not verified:
        return Finding("content", Verdict.UNKNOWN, "the record is of an earlier mlparity and names no digest")
    found = artifact_sha256(path)
    if found == verified:
        return Finding("content", Verdict.PASS, f"the program and its weights are those that were verified ({found})")
    return Finding("content", Verdict.FAIL, f"the artifact has changed since it was verified: {found}, not {verified}")


def _setting(metadata: Mapping[str, str], unit: str) -> Finding:
    wanted = unit or metadata.get("recommended", "")
    if not wanted:
        return Finding("setting", Verdict.FAIL, "the record recommends no setting for this artifact")
    how = [standing for standing in Standing if wanted in metadata.get(f"passed.{standing}", "").split(", ")]
    if not how:
        passed = ", ".join(filter(None, (metadata.get(f"passed.{standing}", "") for standing in Standing)))
        return Finding("setting", Verdict.FAIL, f"{wanted} did not pass; passed: {passed or 'none'}")
    policy = metadata.get("policy", "")
    return Finding("setting", Verdict.PASS, f"{wanted} passed the policy {policy!r} ({', '.join(how)})")


def _record(metadata: Mapping[str, str], path: Path) -> Finding:
    found, named = record_sha256(read_record(path)), metadata.get("record.sha256", "")
    if found == named:
        return Finding("record", Verdict.PASS, f"{path.name} is the record that the artifact names ({found})")
    return Finding("record", Verdict.FAIL, f"{path.name} is another record: {found}, not {named or 'any'}")
