"""A copy of this process makes values beside it; what it does not answer is left to this one, and it never stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlparity.core.errors import ConversionError
from mlparity.execution import fork
from mlparity.execution.fork import Fork, can_fork

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")


@contextmanager
def forked(make: Callable[[str], int], *keys: str) -> Iterator[Fork[str, int]]:
    made = Fork(keys, make, lambda: None)
    try:
        yield made
    finally:
        made.end()


def process_of(made: Fork[str, int]) -> int:
    pid = made._process.pid
    assert pid is not None
    return pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_values_are_made_in_another_process_and_asked_for_in_any_order() -> None:
    with forked(lambda key: os.getpid() * 10 + len(key), "a", "bb", "ccc") as made:
        pid = process_of(made)
        assert [made.value(key) for key in ("ccc", "a", "bb")] == [pid * 10 + 3, pid * 10 + 1, pid * 10 + 2]
        assert pid != os.getpid()
    assert not is_alive(pid)


def test_an_error_of_ours_is_raised_here_with_all_of_its_parts_and_the_rest_is_made() -> None:
    def make(key: str) -> int:
        if key == "bad":
            raise ConversionError("it cannot be", where="here", found="this", expected="that", next_step="rest")
        return 1

    with forked(make, "bad", "good") as made:
        assert made.value("good") == 1
        for _ in range(2):
            with pytest.raises(ConversionError) as caught:
                made.value("bad")
            error = caught.value
            assert (error.what, error.where, error.found, error.next_step) == ("it cannot be", "here", "this", "rest")


def crash() -> int:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def leave() -> int:
    raise SystemExit(0)


def fault() -> int:
    raise ZeroDivisionError


@pytest.mark.parametrize("ending", [crash, leave, fault, lambda: os._exit(0), lambda: lambda: 0])
def test_what_a_process_does_not_answer_is_left_to_this_one(
    ending: Callable[[], int], capfd: pytest.CaptureFixture[str]
) -> None:
    with forked(lambda key: 1 if key == "first" else ending(), "first", "second", "third") as made:
        assert [made.value(key) for key in ("first", "second", "third")] == [1, None, None]
    assert capfd.readouterr() == ("", "")


def test_a_process_that_waits_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "_IDLE_S", 1.0)

    def waiting(_: str) -> int:
        time.sleep(600)
        return 1

    with forked(waiting, "only") as made:
        assert made.value("only") is None


def test_a_process_that_calculates_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork, "_IDLE_S", 4.0)

    def busy(_: str) -> int:
        end = time.monotonic() + 9  # on a busy machine it may get no processor for a second or two
        while time.monotonic() < end:
            pass
        return 1

    with forked(busy, "only") as made:
        assert made.value("only") == 1


def test_ctrl_c_is_left_to_the_process_that_is_asked() -> None:
    def told(_: str) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return 1

    with forked(told, "only") as made:
        assert made.value("only") == 1


def test_a_process_ends_with_the_one_that_it_is_a_copy_of(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import os, sys, time
        from mlparity.execution.fork import Fork
        made = Fork(["only"], lambda _: time.sleep(600), lambda: None)
        print(made._process.pid, flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        assert is_alive(pid)
        running.kill()
        running.wait()
    for _ in range(100):
        if not is_alive(pid):
            return
        time.sleep(0.1)
    pytest.fail("it stays")


def test_a_module_with_threads_of_its_own_forbids_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_fork(("no_such_module",))
    monkeypatch.setitem(sys.modules, "no_such_module", os)
    assert not can_fork(("no_such_module",))


def test_a_worker_of_a_pool_makes_no_copy() -> None:
    code = textwrap.dedent("""
        import multiprocessing
        from mlparity.execution.fork import can_fork

        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert pool.apply(can_fork) is False
        assert can_fork()
    """)  # in a process of its own: a copy of this one might lack a thread that others have started
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
