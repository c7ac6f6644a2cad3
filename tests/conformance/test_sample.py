"""A fixed, even sample of coremltools' own tests: no failure that the ledger does not explain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import results
from tests.conformance.ledger import explanation
from tests.conformance.results import BAD, Part, read_results
from tests.conformance.subject import NETWORK, PROGRAM, Subject
from tests.conformance.suites import FINISHED, start

PART = Part(5, 50)
"""2% of all tests; `make conformance` runs the rest."""


NETWORKS = Part(5, 200)

PROGRAM_SUITES, NETWORK_SUITES = Subject(PROGRAM).suites, Subject(NETWORK).suites


@pytest.mark.parametrize(
    ("target", "part", "suites"),
    [
        pytest.param(PROGRAM, PART, PROGRAM_SUITES[:1], id="ops"),
        pytest.param(PROGRAM, PART, PROGRAM_SUITES[1:2], id="frontend"),
        pytest.param(PROGRAM, PART, PROGRAM_SUITES[2:], id="others"),
        pytest.param(NETWORK, NETWORKS, NETWORK_SUITES, id="networks"),
    ],
)
def test_a_sample_of_apples_tests_passes(
    target: str, part: Part, suites: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setenv("CONFORMANCE_RESULTS", str(tmp_path))
    monkeypatch.setenv("PYMIL_TEST_TARGETS", target)
    log = part.file().with_suffix(".log")
    assert start(part, suites).wait() in FINISHED, log.read_text()[-3000:]
    found = read_results(tmp_path).values()
    unexplained = [each for each in found if each.outcome in BAD and explanation(each) is None]
    assert unexplained == []
    reached = [each for each in found if each.predictions > 0]
    assert len(reached) > len(found) / 20, "a sample that hardly predicts tests nothing"
