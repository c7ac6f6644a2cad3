"""A fixed, even sample of coremltools' own tests: no failure that the ledger does not explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import results
from tests.conformance.ledger import explanation
from tests.conformance.results import BAD, Part, read_results
from tests.conformance.suites import FINISHED, SUITES, start

PART = Part(5, 50)
"""2% of all tests; `make conformance` runs the rest."""


@pytest.mark.parametrize("suites", [SUITES[:1], SUITES[1:2], SUITES[2:]], ids=["ops", "frontend", "others"])
def test_a_sample_of_apples_tests_passes(
    suites: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setenv("CONFORMANCE_RESULTS", str(tmp_path))
    log = PART.file().with_suffix(".log")
    assert start(PART, suites).wait() in FINISHED, log.read_text()[-3000:]
    found = read_results(tmp_path).values()
    unexplained = [each for each in found if each.outcome in BAD and explanation(each) is None]
    assert unexplained == []
    reached = [each for each in found if each.predictions > 0]
    assert len(reached) > len(found) / 20, "a sample that hardly predicts tests nothing"
