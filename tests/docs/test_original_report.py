"""The page of the original report is what its example writes: the same words, and a line for each setting."""

from __future__ import annotations

import re

from examples.original_report import PAGE, REPORTED
from mlparity.targets.table import settings_from
from tests.docs.documents import ROOT

TEXT = (ROOT / "docs/original-report.md").read_text(encoding="utf-8")


def test_the_page_has_the_example_s_words_around_the_figures() -> None:
    parts = re.split(r"\{[a-z]+\}", PAGE)
    assert re.fullmatch(".+?".join(map(re.escape, parts)), TEXT, re.DOTALL)
    assert REPORTED in TEXT


def test_every_setting_that_exists_has_a_line() -> None:
    for setting in settings_from(["neuralnetwork/*", "litert/fp32", "fp32/*", "fp16/*"]):
        assert (f"| `{setting}` |" in TEXT) is (str(setting) != "fp32/CPU_AND_NE")


def test_the_page_tells_the_cause_and_the_cure() -> None:
    assert "> Cause: compute_unit. One file: it agrees with the source on the CPU" in TEXT
    assert "> Recommended: Ship neuralnetwork/CPU_ONLY" in TEXT
