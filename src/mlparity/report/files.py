"""The report's files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlparity.core.writing import write_whole
from mlparity.record.record import Record
from mlparity.report.html import html_report
from mlparity.report.junit import junit_xml
from mlparity.report.loaders import loader_names, loaders
from mlparity.report.markdown import markdown_report
from mlparity.report.model_card import model_card
from mlparity.report.model_index import model_index
from mlparity.report.sarif import sarif

_FILES: tuple[tuple[str, Callable[[Record], str]], ...] = (
    ("report.html", html_report),
    ("report.md", markdown_report),
    ("model_card.md", model_card),
    ("model-index.yml", model_index),
    ("junit.xml", junit_xml),
    ("report.sarif", sarif),
)


def report_names() -> tuple[str, ...]:
    """Return the names of all files that `write_reports` may write."""
    return (*(name for name, _ in _FILES), *loader_names())


def write_reports(record: Record, folder: Path) -> tuple[Path, ...]:
    """Write the report, the model card's section, JUnit XML, SARIF and, where a setting is recommended, its loaders.

    Loaders of an earlier verification that no longer hold are removed.

    Raises:
        OutputError: a file cannot be written.
    """
    texts = {**{name: make(record) for name, make in _FILES}, **loaders(record)}
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
    for name in set(loader_names()) - set(texts):
        (folder / name).unlink(missing_ok=True)
    return tuple(folder / name for name in texts)
