"""The report's files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlparity.core.record import Record
from mlparity.record.files import write_whole
from mlparity.report.html import html_report
from mlparity.report.junit import junit_xml
from mlparity.report.markdown import markdown_report
from mlparity.report.model_card import model_card
from mlparity.report.python_loader import python_loader
from mlparity.report.swift import swift_snippet

_FILES: tuple[tuple[str, Callable[[Record], str | None]], ...] = (
    ("report.html", html_report),
    ("report.md", markdown_report),
    ("model_card.md", model_card),
    ("junit.xml", junit_xml),
    ("VerifiedModel.swift", swift_snippet),
    ("verified_model.py", python_loader),
)

REPORT_NAMES = tuple(name for name, _ in _FILES)
"""What `write_reports` may write."""


def write_reports(record: Record, folder: Path) -> tuple[Path, ...]:
    """Write the report, the model card's section, JUnit XML and, where a Core ML setting is recommended, its loaders.

    Without a recommended Core ML setting the loaders of an earlier verification are removed.

    Raises:
        OutputError: a file cannot be written.
    """
    texts = [(folder / name, make(record)) for name, make in _FILES]
    for path, text in texts:
        if text is None:
            path.unlink(missing_ok=True)
        else:
            write_whole(path, text.encode())
    return tuple(path for path, text in texts if text is not None)
