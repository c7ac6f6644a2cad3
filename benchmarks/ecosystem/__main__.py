"""`python -m benchmarks.ecosystem [PART OF A NAME ...]`: run the projects, all or those named, and write the page.

Results are kept, so that the page has those of earlier runs too.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from benchmarks.ecosystem.environment import ROOT, NotObtainedError, environment_of, folder_of
from benchmarks.ecosystem.page import page
from benchmarks.ecosystem.projects import PROJECTS, Project
from benchmarks.ecosystem.running import OURS, Failure, Result, run

PAGE = ROOT / "docs" / "ecosystem.md"


def main(names: list[str]) -> int:
    """Run what is asked for; exit code 1 where a failure is ours."""
    chosen = [project for project in PROJECTS if not names or any(name in project.name for name in names)]
    for project in chosen:
        print(f"{project.name}: installing", flush=True)
        result = _result(project)
        (folder_of(project)).mkdir(parents=True, exist_ok=True)
        (folder_of(project) / "result.json").write_text(json.dumps(asdict(result), indent=1))
        ours = sum(failure.fault == OURS for failure in result.failures)
        counts = f"{result.passed} passed, {len(result.failures)} failed ({ours} ours), {result.skipped} skipped"
        print(f"{project.name}: {result.trouble or counts}, {result.seconds:.0f} s", flush=True)
    results = [kept for project in PROJECTS if (kept := _kept(project)) is not None]
    PAGE.write_text(page(results), encoding="utf-8")
    return int(any(failure.fault == OURS for result in results for failure in result.failures))


def _result(project: Project) -> Result:
    try:
        environment = environment_of(project)
    except NotObtainedError as error:
        return Result(project.name, {}, trouble=f"could not be obtained: {error}")
    print(f"{project.name}: running", flush=True)
    return run(project, environment)


def _kept(project: Project) -> Result | None:
    path = folder_of(project) / "result.json"
    if not path.is_file():
        return None
    kept = json.loads(path.read_text())
    return Result(**{**kept, "failures": tuple(Failure(**each) for each in kept["failures"])})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
