"""The index of a suite: on a phone nothing is cut, and a failure keeps the parts of its message."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mlparity.core.errors import SourceError
from mlparity.core.words import Verdict
from mlparity.record.suite import SuiteEntry
from mlparity.report.suite import suite_files, suite_rows
from tests.record.example import example_record
from tests.report.hostile import TEXT
from tests.report.test_browser import _BROWSER, Visit, accessibility_probe, on_a_phone, visit

FAILURE = str(SourceError("the factory raised an error", where="nets.py:net", found=f"RuntimeError: {TEXT}"))

# Cells that end outside the page, whether or not something scrolls around them.
_OUTSIDE = """
<script>
addEventListener("load", () => {
  const box = document.documentElement.clientWidth;
  const cells = [...document.querySelectorAll("th, td, h1")].filter((cell) => cell.offsetWidth > 0);
  const outside = cells.filter((cell) => cell.getBoundingClientRect().right > box + 1);
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify({ shown: cells.length, outside: outside.map((cell) => cell.textContent) });
  document.body.append(out);
});
</script>
"""


def entries() -> tuple[SuiteEntry, ...]:
    passing, failing = (
        dataclasses.replace(example_record(), verdict=verdict) for verdict in (Verdict.PASS, Verdict.FAIL)
    )
    return (
        SuiteEntry("a_model_with_a_rather_long_name.of_2026-11-30", passing, is_kept=True),
        SuiteEntry("failing", failing),
        SuiteEntry("raising", None, FAILURE),
    )


def opened(page: str, folder: Path, width: int, probe: str) -> Visit:
    if width < 500:
        return on_a_phone(page, folder, probe=probe)
    return visit(page.replace("</body>", f"{probe}</body>"), folder, width)


needs_browser = pytest.mark.skipif(_BROWSER is None, reason="no Chromium on the path")


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
def test_all_of_the_index_is_seen(width: int, tmp_path: Path) -> None:
    seen = opened(suite_files(entries())["index.html"], tmp_path, width, _OUTSIDE).seen
    assert seen["outside"] == []
    assert seen["shown"] == (14 if width < 500 else 19), "on a phone the heads stand in the cells"


@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
def test_everybody_can_use_the_index(width: int, tmp_path: Path) -> None:
    visited = opened(suite_files(entries())["index.html"], tmp_path, width, accessibility_probe())
    assert visited.console == visited.requests == ()
    assert visited.seen["broken"] == {}


def test_the_parts_of_a_failure_are_told_apart() -> None:
    error = SourceError("the factory raised an error", where="nets.py:net", found="RuntimeError: no", next_step="look")
    row = suite_rows([SuiteEntry("raising", None, str(error))])[0]
    assert row[-1] == "the factory raised an error; where: nets.py:net; found: RuntimeError: no; next: look"


def test_a_text_in_a_failure_is_text() -> None:
    page = suite_files(entries())["index.html"]
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
