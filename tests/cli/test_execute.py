"""`mlparity exec`: a script or a module as it stands, in a chip's arithmetic or the plain one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlparity.engine import coremltools_binding

TELLS = """
import sys
from mlparity.engine import coremltools_binding
print(coremltools_binding._plain.get("chip"), sys.argv[1:], __name__)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tells.py").write_text(TELLS)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "mlparity", "exec", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tells.py", "--help", "-m", "x"], "M4 ['--help', '-m', 'x'] __main__"),
        (["--chip", "M1", "tells.py"], "M1 [] __main__"),
        (["--chip", "none", "-m", "tells", "--chip", "M2"], "None ['--chip', 'M2'] __main__"),
        (["-m", "tells", "--help"], "M4 ['--help'] __main__"),
    ],
)
def test_options_before_the_script_are_ours_and_those_behind_it_are_its_own(
    folder: Path, arguments: list[str], said: str
) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m"], "-m needs the name of a module"),
        (["-m", "nowhere_to_be_found"], "no such module"),
        (["--chip", "M0", "tells.py"], "M0"),
    ],
)
def test_what_is_not_there_is_bad_input(folder: Path, arguments: list[str], words: str) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_its_help_is_its_own(folder: Path) -> None:
    done = run(folder, "--help")
    assert done.returncode == 0
    assert "--chip" in done.stdout


def test_slow_arithmetic_is_told_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(coremltools_binding._plain, "chip", "M4")
    slow = coremltools_binding._Slow()
    for _ in range(12):
        slow.count(1_000_000_000)
    assert caplog.text.count("--chip none") == 1
    caplog.clear()
    monkeypatch.setitem(coremltools_binding._plain, "chip", None)
    plain = coremltools_binding._Slow()
    plain.count(10**12)
    assert caplog.text == ""
