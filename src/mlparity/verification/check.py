"""Whether an artifact still is what was verified: its bytes, its record and the setting it is loaded with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.words import Provenance, Verdict
from mlparity.record.files import read_record, record_sha256
from mlparity.record.metadata import PREFIX, metadata_of
from mlparity.record.record import Record
from mlparity.targets.artifacts import artifact_sha256, read_metadata

_NOT_PROVED = "so the artifact itself says, and its texts are not signed: give --record to compare them with the record"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question about an artifact, and a sentence that says what was compared with what."""

    question: str
    verdict: Verdict
    sentence: str


def findings_of(path: Path, unit: str = "", record: Path | None = None) -> tuple[Finding, ...]:
    """Return what holds of the artifact at `path`, as `mlparity.check_artifact` says.

    Raises:
        FormatError: no such artifact, or it or the record cannot be read.
    """
    if not path.exists():
        raise FormatError("no such artifact", where=str(path), next_step="check the path")
    metadata = _own(read_metadata(path))
    if not metadata:
        return (Finding("record", Verdict.UNKNOWN, "the artifact carries no record: it was never verified"),)
    findings = (_content(path, metadata), _setting(metadata, unit, is_proved=record is not None))
    if record is None:
        return findings
    whole = read_record(record)
    return (*findings, _record(whole, metadata, record.name), _claims(whole, metadata, path, record.name))


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


def _setting(metadata: Mapping[str, str], unit: str, *, is_proved: bool) -> Finding:
    wanted = unit or metadata.get("recommended", "")
    if not wanted:
        return Finding("setting", Verdict.FAIL, "the record recommends no setting for this artifact")
    how = [provenance for provenance in Provenance if wanted in metadata.get(f"passed.{provenance}", "").split(", ")]
    if not how:
        passed = ", ".join(filter(None, (metadata.get(f"passed.{provenance}", "") for provenance in Provenance)))
        return Finding("setting", Verdict.FAIL, f"{wanted} did not pass; passed: {passed or 'none'}")
    policy = metadata.get("policy", "")
    sentence = f"{wanted} passed the policy {policy!r} ({', '.join(how)})"
    return Finding("setting", Verdict.PASS, sentence if is_proved else f"{sentence}; {_NOT_PROVED}")


def _record(record: Record, metadata: Mapping[str, str], name: str) -> Finding:
    found, named = record_sha256(record), metadata.get("record.sha256", "")
    if found == named:
        return Finding("record", Verdict.PASS, f"{name} is the record that the artifact names ({found})")
    return Finding("record", Verdict.FAIL, f"{name} is another record: {found}, not {named or 'any'}")


def _claims(record: Record, metadata: Mapping[str, str], path: Path, name: str) -> Finding:
    """Compare what the artifact says of itself with what the record says of an artifact of this content."""
    content = artifact_sha256(path)
    said = [metadata_of(record, artifact) for artifact in record.artifacts if artifact.sha256 == content]
    if not said:
        return Finding("metadata", Verdict.FAIL, f"{name} lists no artifact of this content ({content})")
    differing = [_differing(_own(text), metadata) for text in said]
    least = min(differing, key=len)
    if not least:
        return Finding("metadata", Verdict.PASS, f"each text in the artifact is as {name} says")
    return Finding("metadata", Verdict.FAIL, f"the artifact's texts are not those of {name}: {'; '.join(least)}")


def _own(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix(PREFIX): value for name, value in metadata.items()}


def _differing(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    names = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    return [f"{name} is {found.get(name)!r}, not {expected.get(name)!r}" for name in names]
