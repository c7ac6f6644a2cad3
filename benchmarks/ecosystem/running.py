"""Runs a project's tests under `mlparity exec`, and those that fail once more without it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.ecosystem.environment import CHECKS, Environment, folder_of
from benchmarks.ecosystem.projects import Project

OURS = "ours"
_LIMIT_S = 2400
_SUMMARY = re.compile(r"^(?:FAILED|ERROR) (\S+)(?: - (.*))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that failed, its message, and whose fault that is."""

    test: str
    message: str
    fault: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a project: tests that passed, were skipped and failed; `trouble` is why nothing ran, or ""."""

    name: str
    versions: dict[str, str]
    passed: int = 0
    skipped: int = 0
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0
    trouble: str = ""


def run(project: Project, environment: Environment) -> Result:
    """Run a project's tests; the logs stay in its folder."""
    folder = folder_of(project)
    under = (str(environment.command), "exec", "--pretend-macos", "-m", "pytest")
    text = _pytest(project.tests, under, environment, folder / "with")
    report = folder / "with.xml"
    if not report.is_file():
        return Result(project.name, environment.versions, trouble=f"pytest did not end: {text.strip()[-300:]}")
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    failed = _failed(text)
    passed = counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"]
    failures = tuple(_judged(project, environment, failed))
    missed = counts["failures"] + counts["errors"] - len(failures)
    if missed > 0:
        failures += (Failure(f"{missed} more", "not named in the log", OURS),)
    return Result(
        project.name, environment.versions, passed, counts["skipped"], failures, float(suite.get("time", "0"))
    )


def _pytest(tests: Sequence[str], command: Sequence[str], environment: Environment, stem: Path) -> str:
    """Run pytest and return its log, which is also written beside its report."""
    given = [str(CHECKS / each.removeprefix("checks/")) if each.startswith("checks/") else each for each in tests]
    own = environment.work / "pytest.ini"
    chosen = own if own.is_file() else environment.work / "pyproject.toml"  # checks lie elsewhere, beside our settings
    where = ("-c", str(chosen), "--rootdir", str(environment.work))
    options = (*where, "-q", "-rfE", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={stem}.xml")
    stem.with_suffix(".xml").unlink(missing_ok=True)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    variables |= {"OMP_NUM_THREADS": "1", "COLUMNS": "400", "HF_HUB_OFFLINE": "1", "PYTHONPATH": "tests"}
    try:
        done = subprocess.run(
            [*command, *given, *options],
            cwd=environment.work,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        )
        text = done.stdout
    except subprocess.TimeoutExpired as late:
        text = f"{(late.stdout or b'').decode(errors='replace')}\nstopped after {_LIMIT_S} s"
    stem.with_suffix(".log").write_text(text)
    return text


STRICT = "it passed, and its strict mark says that it fails"
"""What is told of a failure for which pytest gives no message."""


def _failed(text: str) -> dict[str, str]:
    return {match[1]: match[2] or STRICT for match in _SUMMARY.finditer(text)}


def _judged(project: Project, environment: Environment, failed: dict[str, str]) -> list[Failure]:
    """Tell whose fault each failure is: ours, unless it is known, or the same happens without mlparity."""
    if not failed:
        return []
    again = _pytest(project.tests, (str(environment.python), "-m", "pytest"), environment, folder_of(project) / "plain")
    plain = _failed(again)
    found = []
    for test, message in failed.items():
        known = next((whose for part, whose in project.known if part in f"{test} {message}"), "")
        is_same = test in plain and plain[test] == message
        fault = known or ("the same without mlparity" if is_same else OURS)
        found.append(Failure(test, message[:300], fault))
    return found
