"""A pytest plugin: one line of JSON for each test, as soon as it ends, so that a run can stop and go on at any time.

It takes its part of the tests by a hash of their names, leaves out those that are recorded already, and ends a test
that takes too long.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from mlparity.engine.coremltools_binding import CoreMLModelProxy
from tests.conformance.results import Outcome, Part, Result, read_results

TIME_LIMIT = 600
"""Seconds for one test; the slowest of coremltools' own take about a minute on two cores."""

SET_ASIDE_EVERY = 50
"""Tests. What they leave behind adds up to seconds for each garbage collection, and each conversion makes one."""


class Recorder:
    """Writes what happens to each test of one part to one file."""

    def __init__(self, part: Part, file: TextIO) -> None:
        """Begin with nothing recorded."""
        self.part, self.file, self.predictions, self.reports = part, file, 0, list[pytest.TestReport]()
        self.ended = 0

    def write(self, **line: object) -> None:
        """Append a line and hand it to the system, so that a crash loses nothing."""
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def count_predictions(self) -> None:
        """Count the calls that reach the engine."""
        inner = CoreMLModelProxy.predict

        def predict(proxy: CoreMLModelProxy, data: object, state: object | None = None) -> object:
            self.predictions += 1
            return inner(proxy, data, state)  # type: ignore[arg-type]

        CoreMLModelProxy.predict = predict  # type: ignore[assignment, method-assign]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._record(report.nodeid, Outcome.UNCOLLECTED, 0.0, _reason(report.longreprtext))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        mine = [item for item in items if self.part.holds(item.nodeid)]
        done = self.part.done(read_results())
        left = [item for item in mine if item.nodeid not in done]
        self.write(selected=len(mine), left=len(left))
        config.hook.pytest_deselected(items=[item for item in items if item not in set(left)])
        items[:] = left

    def pytest_collection_finish(self) -> None:
        """Leave the collected tests out of each conversion's own garbage collection, most of its time otherwise."""
        _set_aside()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.predictions, self.reports, started = 0, [], time.perf_counter()
        self.write(started=item.nodeid)
        signal.alarm(TIME_LIMIT)
        result = yield
        signal.alarm(0)
        outcome = Outcome.of(self.reports)
        text = "\n".join(report.longreprtext for report in self.reports if report.failed)
        skipped = [str(report.longrepr[2]) for report in self.reports if isinstance(report.longrepr, tuple)]
        self._record(item.nodeid, outcome, time.perf_counter() - started, _reason(text) if text else "".join(skipped))
        self.ended += 1
        if self.ended % SET_ASIDE_EVERY == 0:
            _set_aside()
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.reports.append(report)

    def _record(self, test: str, outcome: Outcome, seconds: float, reason: str) -> None:
        result = Result(test, outcome, self.predictions, round(seconds, 3), reason)
        self.write(**result.as_json())


def _set_aside() -> None:
    """Collect garbage now, and leave what is alive out of later collections."""
    gc.collect()
    gc.freeze()


def _reason(text: str) -> str:
    """Return the error's own lines of a traceback, on one line, cut to what a ledger can show."""
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    found = " ".join(lines) or (text.strip().splitlines() or [""])[-1]
    return found[:600]


def _ring(*_: object) -> None:
    raise TimeoutError(f"the test did not end within {TIME_LIMIT} s")


def pytest_configure(config: pytest.Config) -> None:
    """Record the part that the environment names."""
    part = Part.from_text(os.environ["CONFORMANCE_PART"])
    file = part.file().open("a", encoding="utf-8")
    recorder = Recorder(part, file)
    recorder.count_predictions()
    config.pluginmanager.register(recorder, "conformance-recorder")
    config.add_cleanup(file.close)
    signal.signal(signal.SIGALRM, _ring)
