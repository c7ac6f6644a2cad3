"""Runs tests on mutants, each in a process of its own that is forked after the slow imports.

It works in a copy of the project. Each line of its input is a mutant as JSON: the file and its text, the tests, and
how many seconds they may take. Its answer is `killed`, `survived` or `timeout`, and the end of what pytest wrote.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

NO_TEST = 5


def main() -> None:
    """Import what the command line names, then answer one line after the other until the input ends."""
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        sys.stdout.write(json.dumps(_answer(job)) + "\n")
        sys.stdout.flush()


def _answer(job: dict[str, object]) -> dict[str, str]:
    path = Path(str(job["path"]))
    loaded = [name for name, each in sys.modules.items() if getattr(each, "__file__", None) == str(path.resolve())]
    if loaded:
        raise RuntimeError(f"{loaded[0]} is imported already, so that no mutant of it would be noticed")
    sys.dont_write_bytecode = not job["keeps_bytecode"]
    kept = path.read_bytes()
    with tempfile.TemporaryFile("w+") as said:
        try:
            path.write_text(str(job["text"]), encoding="utf-8")
            outcome = _tested(list(job["tests"]), float(str(job["seconds"])), said.fileno())  # type: ignore[call-overload]
        finally:
            path.write_bytes(kept)
        said.seek(0)
        return {"outcome": outcome, "said": said.read()[-2000:]}


def _tested(tests: list[str], seconds: float, said: int) -> str:
    child = os.fork()
    if not child:
        _test(tests, said)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code == NO_TEST:
                raise RuntimeError("no test was found")
            return "killed" if code else "survived"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def _test(tests: list[str], said: int) -> None:
    """Run the tests in the forked process, which ends here."""
    code = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        import pytest

        quiet = ["-q", "-x", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
        # To look for plugins among all installed packages takes longer than most tests.
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        drawn = ["-p", "_hypothesis_pytestplugin", "--hypothesis-seed=0", "--hypothesis-profile=mutants"]
        imported = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*quiet, *drawn, *imported, *tests]))
    except BaseException:
        os.write(said, traceback.format_exc().encode())
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
