"""Runs coremltools' own tests on our engine, and writes what came of it.

Usage: python -m tests.conformance [--shard K/N] [--jobs J] [--retry] [SUITE ...]
       python -m tests.conformance report

A suite is a path below the installed coremltools; without one, all of them run, which takes about half an hour on two
cores. Results are kept as they come: a run that was stopped goes on where it was, shards add up, and `--retry` runs
again what failed. `report` writes docs/conformance.md from all results.

With PYMIL_TEST_TARGETS=neuralnetwork in the environment the tests convert to neural networks, and the page is
docs/conformance-networks.md; with CONFORMANCE_UNITS=ALL beside it, networks run in the arithmetic that a chip's units
have, which is counted on the same page.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from tests.conformance.report import write_report
from tests.conformance.results import Outcome, Part, Result, interrupted
from tests.conformance.subject import Subject
from tests.conformance.suites import FINISHED, start


def main() -> int:
    """Return 0 if every test of this run was recorded."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--shard", default="1/1", help="run part K of N, as in 3/16")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes side by side")
    parser.add_argument("--retry", action="store_true", help="run again what failed before")
    parser.add_argument("suites", nargs="*", help="paths below coremltools, or the word report")
    options = parser.parse_args()
    if options.suites != ["report"]:
        words = [word for word, holds in (("retry", options.retry), ("some", options.suites)) if holds]
        shard = Part.from_text(" ".join([options.shard, *words]))
        parts = shard.split(options.jobs)
        with tempfile.TemporaryDirectory() as folder:  # for the packages that coremltools leaves behind
            os.environ["TMPDIR"] = folder
            suites = options.suites or Subject.from_environment().suites
            running = {part: start(part, suites) for part in parts}
            _watch(running, suites)
    sys.stdout.write(f"{write_report()}\n")
    return 0


def _watch(running: dict[Part, subprocess.Popen[bytes]], suites: list[str] | tuple[str, ...]) -> None:
    """Wait for all parts; one that crashes is started again behind the test that it crashed in."""
    parts, shown = tuple(running), 0.0
    while running:
        time.sleep(0.5)
        for part, process in list(running.items()):
            if process.poll() is None:
                continue
            del running[part]
            test = interrupted(part)
            if process.returncode not in FINISHED and test is not None:
                _append(part, Result(test, Outcome.CRASHED, 0, 0.0, f"the process ended with {process.returncode}"))
                running[part] = start(part, suites)
        if not running or time.monotonic() - shown > (2 if sys.stderr.isatty() else 60):
            shown = time.monotonic()
            sys.stderr.write(("\r" if sys.stderr.isatty() else "\n") + _progress(parts))
    sys.stderr.write("\n")


def _append(part: Part, result: Result) -> None:
    with part.file().open("a", encoding="utf-8") as file:
        file.write(json.dumps(result.as_json()) + "\n")


def _progress(parts: tuple[Part, ...]) -> str:
    """Return the line that says how far this run is: counts since each part's last selection."""
    left = done = bad = 0
    for part in parts:
        lines = [json.loads(line) for line in part.file().read_text(encoding="utf-8").splitlines()]
        places = [place for place, line in enumerate(lines) if "selected" in line]
        since = lines[places[-1] :] if places else []
        left += since[0]["left"] if since else 0
        ended = [line for line in since if "test" in line]
        done += len(ended)
        bad += sum(line["outcome"] in ("failed", "crashed") for line in ended)
    return f"{done} of {left} tests, {bad} failed"


if __name__ == "__main__":
    sys.exit(main())
