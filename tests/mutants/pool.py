"""Copies of the project, and a worker in each of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tests.mutants.mutations import Mutation
from tests.mutants.rooms import ROOT

COPIES = ROOT / "build" / "mutants"
_COPIED = ("src", "tests")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutation: `killed`, `survived` or `timeout`, and the end of what the tests wrote."""

    mutation: Mutation
    outcome: str
    said: str


class Worker:
    """One copy of the project and the process that runs tests in it."""

    def __init__(self, number: int) -> None:
        """Copy the project."""
        self._folder = COPIES / f"copy{number}"
        _copy(self._folder)
        self._process: subprocess.Popen[str] | None = None

    def start(self, imports: Sequence[str]) -> None:
        """Start the process, which imports these modules; end the one before."""
        self.stop()
        env = {**os.environ, "PYTHONPATH": str(self._folder / "src"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.mutants.worker", *imports]
        pipe, log = subprocess.PIPE, (COPIES / f"{self._folder.name}.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=env, stdin=pipe, stdout=pipe, stderr=log, text=True
            )

    def run(
        self, path: Path, text: str, tests: Sequence[str], seconds: float, *, keeps_bytecode: bool = False
    ) -> tuple[str, str]:
        """Return the outcome of the tests with a file's text replaced, and what they wrote.

        Raises:
            RuntimeError: the process has ended.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        job = {"path": str(path), "text": text, "tests": tuple(tests), "seconds": seconds}
        process.stdin.write(json.dumps({**job, "keeps_bytecode": keeps_bytecode}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process in {self._folder} has ended; its last words are in {self._folder}.log")
        answer = json.loads(line)
        return answer["outcome"], answer["said"]

    def stop(self) -> None:
        """End the process."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()


def results_of(
    workers: Sequence[Worker], mutations: Sequence[Mutation], tests: Sequence[str], seconds: float
) -> Iterator[Result]:
    """Yield each mutation's result as it comes.

    Raises:
        RuntimeError: a worker has ended.
    """
    waiting: Queue[Mutation | None] = Queue()
    for each in (*mutations, *[None] * len(workers)):
        waiting.put(each)
    found: Queue[Result | Exception] = Queue()

    def work(worker: Worker) -> None:
        try:
            while (mutation := waiting.get()) is not None:
                ordered = (*_own(mutation.path, tests), *tests)
                found.put(Result(mutation, *worker.run(mutation.path, mutation.text, ordered, seconds)))
        except (RuntimeError, OSError) as error:
            found.put(error)

    for worker in workers:
        threading.Thread(target=work, args=(worker,), daemon=True).start()
    for _ in mutations:
        result = found.get()
        if isinstance(result, Exception):
            raise result
        yield result


def _own(path: Path, tests: Sequence[str]) -> tuple[str, ...]:
    """Return the tests that bear a file's name: they come first, because they notice most."""
    files = [f"{folder}/test_{path.stem}.py" for folder in tests]
    return tuple(each for each in files if (ROOT / each).exists())


def _copy(folder: Path) -> None:
    """Copy what may be mutated, with bytecode that is checked by content: two mutants may be written in one second."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for entry in ROOT.iterdir():
        if entry.name in _COPIED:
            shutil.copytree(entry, folder / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif not entry.name.startswith(".") and entry.name != "out":
            (folder / entry.name).symlink_to(entry)
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src"]
    subprocess.run(compiled, cwd=folder, check=True)
