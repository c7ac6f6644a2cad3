"""What a verification says on GitHub Actions: an annotation for a verdict that is no pass, and the job's summary."""

from __future__ import annotations

import os
from pathlib import Path

from mlparity.cli.terminal import stdout
from mlparity.core.errors import OutputError
from mlparity.core.regular_files import MEDIUM, check_regular, read_regular, reason_of
from mlparity.core.words import Verdict
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence
from mlparity.report.decision import recommendation_text
from mlparity.report.remedies import remedies_of

# Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
_LEVELS = {Verdict.FAIL: "error", Verdict.UNKNOWN: "warning"}
_IN_MESSAGES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}


def annotate(record: Record, report: Path) -> None:
    """Print the annotation and add the Markdown `report` to the job's summary; elsewhere than on GitHub do nothing."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    if record.verdict in _LEVELS:
        stdout().command(annotation(record))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(Path(summary), read_regular(report, limit=MEDIUM))


def _append(path: Path, text: bytes) -> None:
    try:
        if path.exists():
            check_regular(path)
        with path.open("ab") as file:
            file.write(text)
    except OSError as error:
        raise OutputError("the job's summary cannot be written", where=str(path), found=reason_of(error)) from error


def annotation(record: Record) -> str:
    """Return the workflow command that shows the verdict, the cause, what to do and the advice beside a change."""
    title = f"mlparity: {record.source.name}: {record.verdict}"
    message = "\n".join((cause_sentence(record), *remedies_of(record), recommendation_text(record)))
    properties = _escaped(title, _IN_PROPERTIES)
    return f"::{_LEVELS[record.verdict]} title={properties}::{_escaped(message, _IN_MESSAGES)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(letter, letter) for letter in text)
