"""The report's files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlparity.core.record import Record
from mlparity.record.files import write_whole
from mlparity.report.html import html_report
from mlparity.report.markdown import markdown_report
from mlparity.report.swift import swift_snippet

_FILES: tuple[tuple[str, Callable[[Record], str | None]], ...] = (
    ("report.html", html_report),
    ("report.md", markdown_report),
    ("VerifiedModel.swift", swift_snippet),
)


def write_reports(record: Record, folder: Path) -> tuple[Path, ...]:
    """Write `report.html`, `report.md` and, where a Core ML setting is recommended, `VerifiedModel.swift`.

    Without a recommended Core ML setting a `VerifiedModel.swift` of an earlier verification is removed.

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
