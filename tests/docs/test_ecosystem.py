"""The page of other people's projects: every project has its row, and no failure is left out or excused by default."""

from __future__ import annotations

from benchmarks.ecosystem.environment import CHECKS, folder_of
from benchmarks.ecosystem.page import page
from benchmarks.ecosystem.projects import PROJECTS
from benchmarks.ecosystem.running import OURS, STRICT, Failure, Result, _failed
from tests.docs.documents import ROOT


def test_the_page_has_a_row_for_each_project() -> None:
    text = (ROOT / "docs/ecosystem.md").read_text()
    assert all(f"| {project.name} |" in text for project in PROJECTS)


def test_failures_are_counted_by_whose_they_are() -> None:
    failures = (Failure("a.py::x", "wrong", OURS), Failure("a.py::y", "other", "the same without mlparity"))
    text = page([Result("PiperSR", {"pipersr": "1.0.3"}, 5, 2, failures)])
    assert "| PiperSR | pipersr 1.0.3 | 5 | 1 | 1 | 2 |" in text
    assert "`a.py::x`" in text
    assert f"1 of {len(PROJECTS)} projects ran and passed more tests than failed, 0 of them" in text


def test_a_project_that_fails_does_not_count_as_run() -> None:
    failures = tuple(Failure(f"a.py::x{at}", "", "the same without mlparity") for at in range(3))
    assert page([Result("PiperSR", {}, 1, 0, failures)]).count("0 of") == 2


def test_the_summary_of_pytest_is_read_whole() -> None:
    text = "FAILED tests/a.py::x[1-2] - ValueError: no\nERROR tests/b.py - OSError: gone\nFAILED c.py::y\n3 failed"
    assert _failed(text) == {"tests/a.py::x[1-2]": "ValueError: no", "tests/b.py": "OSError: gone", "c.py::y": STRICT}


def test_checks_of_ours_exist_and_folders_are_apart() -> None:
    checks = [test for project in PROJECTS for test in project.tests if test.startswith("checks/")]
    assert {CHECKS / test.removeprefix("checks/") for test in checks} == set(CHECKS.glob("check_*.py"))
    assert len({folder_of(project) for project in PROJECTS}) == len(PROJECTS)
