"""How tests of coremltools are shared out, recorded and explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance import results
from tests.conformance.ledger import explanation
from tests.conformance.report import covered, page
from tests.conformance.results import Outcome, Part, Result, interrupted, read_results, recorded_parts

NAMES = [f"file.py::test[{number}]" for number in range(200)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    return tmp_path


def line(test: str, outcome: str, predictions: int = 1, reason: str = "") -> str:
    return json.dumps(Result(test, Outcome(outcome), predictions, 0.1, reason).as_json())


@pytest.mark.parametrize("count", [1, 3, 16])
def test_each_test_is_of_one_part(count: int) -> None:
    parts = [Part(number, count) for number in range(1, count + 1)]
    assert all(sum(part.holds(name) for part in parts) == 1 for name in NAMES)
    assert all(any(part.holds(name) for name in NAMES) for part in parts)


def test_a_part_splits_into_parts_that_hold_the_same() -> None:
    whole, halves = Part(2, 3, retry=True), Part(2, 3, retry=True).split(2)
    assert [whole.holds(name) for name in NAMES] == [any(half.holds(name) for half in halves) for name in NAMES]
    assert all(half.retry for half in halves)


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "-1/4", "a/b", "1/2 again"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="3/16"):
        Part.from_text(text)


def test_a_part_reads_what_it_writes() -> None:
    parts = [Part(3, 16), Part(1, 1, retry=True), Part(1, 2, some=True), Part(2, 2, retry=True, some=True)]
    assert [Part.from_text(str(part)) for part in parts] == parts


def test_what_is_recorded_is_done_and_with_retry_what_failed_is_not(folder: Path) -> None:
    (folder / "1-of-2.jsonl").write_text("\n".join([line("a", "passed"), line("b", "failed"), line("c", "crashed")]))
    found = read_results(folder)
    assert Part(1, 2).done(found) == {"a", "b", "c"}
    assert Part(1, 2, retry=True).done(found) == {"a"}


def test_the_last_result_counts(folder: Path) -> None:
    (folder / "1-of-2.jsonl").write_text("\n".join([line("a", "failed"), line("a", "passed")]))
    assert read_results(folder)["a"].outcome is Outcome.PASSED


def test_a_test_without_a_result_was_interrupted(folder: Path) -> None:
    part = Part(1, 2)
    assert interrupted(part) is None
    part.file().write_text(json.dumps({"selected": 2, "left": 2}) + "\n" + json.dumps({"started": "a"}) + "\n")
    assert interrupted(part) == "a"
    with part.file().open("a") as file:
        file.write(line("a", "passed") + "\n")
    assert interrupted(part) is None
    assert recorded_parts(folder) == []


def test_a_part_is_recorded_once_all_that_was_left_is(folder: Path) -> None:
    Part(1, 2).file().write_text(json.dumps({"selected": 1, "left": 1}) + "\n" + line("a", "passed"))
    Part(1, 1, some=True).file().write_text(json.dumps({"selected": 1, "left": 1}) + "\n" + line("a", "passed"))
    assert recorded_parts(folder) == [Part(1, 2)], "a run of some suites is no part of all"


def test_the_share_that_parts_cover() -> None:
    assert covered([]) == 0
    assert covered([Part(1, 4), Part(2, 4), Part(2, 4)]) == 0.5
    assert covered([Part(1, 2), Part(1, 4)]) == 0.625
    assert covered([Part(1, 1)]) == 1


def test_the_page_counts_only_what_reached_prediction_and_shows_what_nothing_explains() -> None:
    found = [
        Result("f.py::a[precision='fp16']", Outcome.PASSED, 1, 0, ""),
        Result("f.py::b[precision='fp16']", Outcome.FAILED, 2, 0, "a new | fault"),
        Result("f.py::c", Outcome.SKIPPED, 0, 0, ""),
    ]
    text = page(found, [Part(1, 100)])
    assert "| named fp16 | 2 | 1 | 50.00% | 1 |" in text
    assert "| named fp32 | 0 | 0 | none reached | 0 |" in text
    assert "| f.py | 3 | 1 | 2 | 1 | 1 |" in text
    assert "Not explained yet: 1 tests, 1 of them at prediction" in text
    assert "a new / fault" in text
    assert "about 1% of all tests" in text


def test_the_ledger_explains_no_failure_that_it_does_not_name() -> None:
    strict = "f.py::t[BackendConfig(backend='mlprogram', precision='fp32')-dtype=<class 'numpy.float16'>]"
    error = "Not equal to tolerance rtol=1e-05, atol=0.0001 Max absolute difference among violations: 0.0002"
    assert explanation(Result(strict, Outcome.FAILED, 1, 0, error)) is not None
    assert explanation(Result(strict.replace("float16", "float32"), Outcome.FAILED, 1, 0, error)) is None
    assert explanation(Result(strict, Outcome.FAILED, 1, 0, error.replace("0.0002", "0.2"))) is None
    assert explanation(Result(strict, Outcome.FAILED, 1, 0, "RuntimeError: no such op")) is None
