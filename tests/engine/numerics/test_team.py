"""Calls on the threads of a team: all are made once, and what one raises is raised."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from functools import partial

import pytest

from mlparity.engine.numerics.kernels import team


@pytest.mark.parametrize("has_openmp", [True, False])
def test_every_call_is_made_once(has_openmp: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_openmp:
        monkeypatch.setattr(team, "openmp", lambda: None)
    made = list[int]()
    team.in_team([partial(made.append, number) for number in range(5)])
    assert sorted(made) == list(range(5))


@pytest.mark.parametrize("has_openmp", [True, False])
def test_what_a_call_raises_is_raised_when_all_are_done(has_openmp: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_openmp:
        monkeypatch.setattr(team, "openmp", lambda: None)
    made = list[int]()

    def fail() -> None:
        raise IndexError("of the call itself")

    with pytest.raises(IndexError, match="of the call itself"):
        team.in_team([fail, partial(made.append, 1), partial(made.append, 2)])
    assert sorted(made) == [1, 2]


def test_calls_run_side_by_side() -> None:
    met = threading.Barrier(2, timeout=30)
    team.in_team([met.wait, met.wait])
    assert not met.broken


def run_guarded(what: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.engine.numerics.guarded", what]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are guarded by a call of Linux")
@pytest.mark.parametrize("what", ["sums", "places", "matrices"])
def test_kernels_touch_nothing_beside_their_arrays(what: str) -> None:
    done = run_guarded(what)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pages are guarded by a call of Linux")
def test_a_stray_access_would_end_the_process() -> None:
    assert run_guarded("beyond").returncode == -signal.SIGSEGV
