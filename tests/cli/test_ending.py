"""The exit codes of what nobody foresaw, of signals, and of scripts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mlparity.cli import watch
from mlparity.cli.ending import ends_well
from mlparity.core.errors import InputError
from mlparity.core.words import Verdict


def code_of(error: BaseException | None, verdict: Verdict | None = Verdict.PASS) -> int:
    def command() -> Verdict | None:
        if error is not None:
            raise error
        return verdict

    with pytest.raises(typer.Exit) as ended:
        ends_well(command)()
    return int(ended.value.exit_code)


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("fail", 1), ("unknown", 3), (None, 0)])
def test_a_verdict_is_an_exit_code(verdict: str | None, code: int) -> None:
    assert code_of(None, None if verdict is None else Verdict(verdict)) == code


@pytest.mark.parametrize(
    "error", [ValueError("x"), AssertionError(), BrokenPipeError(), RecursionError(), GeneratorExit()]
)
def test_the_unforeseen_is_70_with_a_report(
    error: BaseException, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert code_of(error) == 70
    text = capsys.readouterr().err
    (report,) = tmp_path.glob("*/report.txt")
    assert str(report) in text.replace("\n", "")
    assert "Traceback" not in text
    assert "Traceback" in report.read_text()


def test_the_rest_of_a_long_error_is_in_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert code_of(InputError("long", found="x" * 3_000_000)) == 2
    assert len(capsys.readouterr().err) < 6000
    (whole,) = tmp_path.glob("*/error.txt")
    assert "x" * 3_000_000 in whole.read_text()


def test_other_ends_of_a_command() -> None:
    assert code_of(KeyboardInterrupt()) == 130
    assert code_of(SystemExit(0)) == 2
    assert code_of(InputError("bad")) == 2


@pytest.mark.parametrize(
    ("said", "code", "stopped_by", "expected"),
    [
        (1, 0, 0, 1),  # what was said counts, not what the process ended with
        (0, -signal.SIGSEGV, 0, 0),
        (None, 0, 0, 2),
        (None, 3, 0, 2),
        (None, -signal.SIGSEGV, 0, 70),
        (None, -signal.SIGKILL, 0, 70),
        (None, -signal.SIGTERM, 0, 143),
        (None, -signal.SIGKILL, signal.SIGTERM, 143),
        (None, 0, signal.SIGTERM, 2),
    ],
)
def test_an_exit_code_is_believed_only_where_it_was_said(
    said: int | None, code: int, stopped_by: int, expected: int
) -> None:
    assert watch._exit_code(said, code, stopped_by) == expected


@pytest.mark.parametrize(("text", "said"), [(b"", None), (b"0", 0), (b"143", 143), (b"x", None), (b"0\nx", None)])
def test_what_is_no_number_was_not_said(text: bytes, said: int | None) -> None:
    """The user's code may write into a descriptor that it finds open."""
    heard, telling = os.pipe()
    os.write(telling, text)
    os.close(telling)
    assert watch._said(heard) == said


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
@pytest.mark.parametrize("files", [5, 6, 7])
def test_a_process_that_cannot_be_started_is_no_verdict(files: int) -> None:
    code = (
        "import resource, sys, mlparity.cli.main as m; sys.argv = ['mlparity', 'compare', 'a', 'b'];"
        f" resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files})); m.main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


# The metric tells that it runs, and waits. As in a terminal, SIGINT is not ignored.
# Many short sleeps: a signal that comes between the last instruction and a sleep is seen when the sleep ends.
WAITING = (
    "import time\ndef metric(a, b):\n    print('now', flush=True)\n    for _ in range(600):\n        time.sleep(0.1)\n"
)
START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import mlparity.cli.main as m; m.main()"
)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_a_signal_ends_the_command_and_its_process(number: signal.Signals, tmp_path: Path) -> None:
    import numpy as np

    np.savez(tmp_path / "a.npz", y=np.zeros(3, np.float32))
    (tmp_path / "hooks.py").write_text(WAITING)
    (tmp_path / "p.toml").write_text("metrics.own = {function = 'hooks.py:metric', mean.at_most = 1}\n")
    command = [sys.executable, "-c", START, "compare", "a.npz", "a.npz", "--policy", "p.toml"]
    running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    while running.stderr.readline() not in ("now\n", ""):
        pass
    running.send_signal(number)
    output, error = running.communicate(timeout=60)
    assert running.returncode == 128 + number, error
    assert "interrupted" in error
    assert output == ""


def test_a_script_ends_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import sys\nprint('out')\nsys.exit(7)\n")
    done = subprocess.run(
        [sys.executable, "-m", "mlparity", "exec", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "out\n")
