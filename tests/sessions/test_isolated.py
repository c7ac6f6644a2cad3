from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlparity.core.errors import ExecutionError
from mlparity.sessions.isolated import TIME_LIMIT, RefusedError, Worker

MODULE = "tests.sessions.moody_worker"


@contextmanager
def working(*, time_limit: float = TIME_LIMIT, show_log: bool = False) -> Iterator[Worker]:
    worker = Worker(MODULE, "here.model", time_limit=time_limit, show_log=show_log)
    try:
        yield worker
    finally:
        worker.close()


@dataclass(frozen=True)
class Answer:
    """What the worker tells of itself."""

    pid: int
    folder: str


def answer_of(worker: Worker) -> Answer:
    told = worker.ask("answer")
    assert isinstance(told, dict)
    return Answer(**told)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Of a process whose parent has not asked for its end yet, only the entry is left.
    return Path(f"/proc/{pid}/stat").exists() and ") Z " not in Path(f"/proc/{pid}/stat").read_text()


def becomes_true(question: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not question():
        time.sleep(0.05)
    return question()


def test_answers_come_one_after_the_other_and_a_refusal_ends_nothing() -> None:
    with working() as worker:
        first = worker.ask("answer")
        with pytest.raises(RefusedError, match="ValueError: not today"):
            worker.ask("refuse")
        assert worker.ask("answer") == first


def test_what_it_prints_stays_off_the_terminal_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    with working() as worker:
        worker.ask("answer")
    assert capfd.readouterr() == ("", "")
    with working(show_log=True) as worker:
        worker.ask("answer")
    assert capfd.readouterr() == ("", "asked to answer\n")


def test_one_that_hangs_is_ended_after_its_time_and_says_what_to_do() -> None:
    with working(time_limit=2) as worker:
        told = answer_of(worker)
        with pytest.raises(ExecutionError, match="no answer within 2 s") as caught:
            worker.ask("hang")
        assert "asked to hang" in caught.value.found
        assert "--time-limit" in caught.value.next_step
        assert caught.value.where == "here.model"
        assert not is_alive(told.pid)
        with pytest.raises(ExecutionError, match="closed"):
            worker.ask("answer")


def test_one_that_ends_is_told_by_its_signal() -> None:
    with working() as worker, pytest.raises(ExecutionError, match=f"ended by signal {int(signal.SIGABRT)}"):
        worker.ask("end")


def test_a_module_that_is_not_there_is_told_with_its_last_words() -> None:
    worker = Worker("tests.sessions.no_such_worker", "here.model")
    with pytest.raises(ExecutionError, match="ended with exit code 1") as caught:
        worker.ask("answer")
    assert "no_such_worker" in caught.value.found


def test_closing_ends_the_process_and_removes_its_files_twice_over() -> None:
    worker = Worker(MODULE, "here.model")
    told = answer_of(worker)
    assert Path(told.folder).is_dir()
    worker.close()
    worker.close()
    assert not is_alive(told.pid)
    assert not Path(told.folder).exists()


def test_an_interrupt_while_it_works_ends_it() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with working() as worker:
            told = answer_of(worker)
            threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            with pytest.raises(KeyboardInterrupt):
                worker.ask("hang")
            assert not is_alive(told.pid)
    finally:
        signal.signal(signal.SIGINT, before)


ORPHAN = f"""
import os
from mlparity.sessions.isolated import Worker
print(Worker({MODULE!r}, "here.model").ask("answer")["pid"], flush=True)
os._exit(0)
"""


def test_it_ends_when_the_process_that_asks_is_gone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert becomes_true(lambda: not is_alive(int(done.stdout)))
