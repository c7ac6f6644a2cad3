"""One place prints, and nothing from a file reaches the terminal as more than text."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.cli import terminal
from mlparity.cli.progress import _Lines, pace
from mlparity.cli.terminal import Screen
from mlparity.report.plain_table import Rows, visible
from tests.architecture.modules import modules

HOSTILE = st.text(st.sampled_from("a\x1b\x07\x9b\x7f\r\n\t\u202e\u2066\u200b\udcff[]:#\\;m "), max_size=30)


def printed(action: str, text: str) -> str:
    stream = io.StringIO()
    screen = Screen(terminal._Results(stream), 200)
    if action == "table":
        table = Rows(text)
        table.add_row(text)
        screen.print(table)
    else:
        getattr(screen, action)(text)
    return stream.getvalue()


@given(HOSTILE)
def test_a_printed_text_is_one_visible_line(text: str) -> None:
    line = printed("print", text)
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    assert printed("command", text)[:-1].isprintable()


@given(HOSTILE, st.sampled_from(["lines", "table"]))
def test_nothing_else_is_sent_to_the_terminal(text: str, action: str) -> None:
    for line in printed(action, text).split("\n"):
        assert line.isprintable()


@given(st.text(st.sampled_from(" \t\n\r:#[e"), max_size=20), st.sampled_from(["print", "lines", "table"]))
def test_no_line_is_a_command_to_github(text: str, action: str) -> None:
    for line in printed(action, text).split("\n"):
        assert not line.lstrip().startswith("::")
        assert "##[" not in line


def test_visible_text_is_left_as_it_is() -> None:
    assert visible("größe 模型 y[0]: 1–2") == "größe 模型 y[0]: 1–2"
    assert printed("print", "[bold] :cat:") == "[bold] :cat:\n"
    assert visible("\x1b]52;c\x07") == r"\x1b]52;c\x07"


def test_no_other_place_of_the_command_line_prints() -> None:
    found = []
    for module in modules():
        if not module.name.startswith("mlparity.cli.") or module.name == "mlparity.cli.terminal":
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                *("print", "echo", "secho", "typer.echo", "typer.secho", "Console", "Table", "rich.print"),
                *("sys.stdout.write", "sys.stderr.write", "os.write"),
            }:
                found.append(f"{module.name}: {ast.unparse(node.func)}")
    assert found == ["mlparity.cli.work: os.write"]  # the exit code, for the watching process


def test_a_line_says_that_the_work_goes_on() -> None:
    stream = io.StringIO()
    lines = _Lines(Screen(terminal._Asides(stream), 200), "--limit N takes the first N")
    lines.tell_again()
    lines.tell("samples", 7, 0)
    lines.tell_again()
    lines.tell("compare", 1, 30)
    lines.tell_again()
    lines.tell("fix", 2, 0)
    lines.tell_again()
    assert re.sub(r"after \d+ s", "after N s", stream.getvalue()).splitlines() == [
        "work: still running after N s",
        "samples",
        "samples: 7 so far, after N s; --limit N takes the first N",
        "compare: 1/30",
        "compare: 1/30, still running after N s",
        "fix",
        "fix: 2 so far, after N s",
    ]


def test_lines_tell_the_pace_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    lines = _Lines(Screen(terminal._Asides(stream), 200), "")
    for second in range(31):
        now[0] = float(second)
        lines.tell("compare", 2 * second, 60)
    assert stream.getvalue().splitlines() == [
        "compare: 0/60",
        "compare: 16/60, 2/s, 22 s left",
        "compare: 32/60, 2/s, 14 s left",
        "compare: 48/60, 2/s, 6 s left",
        "compare: 60/60",
    ]


@pytest.mark.parametrize(
    ("done", "left", "seconds", "text"),
    [
        (0, 10, 5.0, ""),
        (4, 10, 0.0, ""),
        (10, 0, 4.0, "2.5/s"),
        (10, 90, 4.0, "2.5/s, 36 s left"),
        (2, 60, 10.0, "5 s each, 5 min 0 s left"),
        (1, 999, 60.0, "60 s each, 16 h 39 min left"),
    ],
)
def test_a_pace_in_words(done: int, left: int, seconds: float, text: str) -> None:
    assert pace(done, left, seconds) == text


@pytest.mark.parametrize(
    ("since", "text"),
    [(0.0, "5 s each, 10 s left"), (8.0, "5 s each, 2 s left"), (10.0, "5 s each"), (900.0, "5 s each")],
)
def test_a_step_that_takes_longer_than_all_that_are_left_should_ends_the_estimate(since: float, text: str) -> None:
    assert pace(2, 2, 10.0, since) == text


def test_a_narrow_table_does_without_columns_and_says_which() -> None:
    table = Rows("setting", "min", "max", expendable=("min", "setting"))
    table.add_row("fp16/CPU_AND_GPU", "0.0000001", "0.25")
    assert "min" in shown(table, 40).splitlines()[0]
    narrow = shown(table, 24).splitlines()
    assert narrow[0].split() == ["setting", "max"]
    assert narrow[1].split() == ["fp16/CPU_AND_GPU", "0.25"]
    assert " ".join(" ".join(narrow[2:]).split()) == "(a wider terminal also shows: min)"
    assert shown(table, 40).splitlines()[0].split() == ["setting", "min", "max"]


def shown(table: Rows, width: int) -> str:
    stream = io.StringIO()
    Screen(terminal._Results(stream), width).print(table, soft_wrap=False)
    return stream.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="asks for `script` of util-linux")
def test_prose_wraps_between_words_on_a_terminal(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.zeros(3, np.float32))
    np.savez(tmp_path / "b.npz", y=np.ones(3, np.float32))
    inner = f"{sys.executable} -m mlparity compare a.npz b.npz 2>{os.devnull}; true"
    width = {**os.environ, "COLUMNS": "44"}
    command = ["script", "-qec", inner, os.devnull]
    done = subprocess.run(command, cwd=tmp_path, env=width, capture_output=True, text=True, check=True)
    lines = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line).rstrip() for line in done.stdout.splitlines()]
    assert max(lines, key=len)[44:] == ""
    assert "y: max difference 1, allowed 0.0 (1.0e-04 of scale 0.0)" in " ".join(line.strip() for line in lines)


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    np.savez(tmp_path / "a.npz", **{"y\x1b]52;c;ZXZpbA==\x1b\\": np.zeros(3, np.float32)})  # type: ignore[arg-type]
    np.savez(tmp_path / "b.npz", **{"y\x1b]52;c;ZXZpbA==\x1b\\": np.ones(3, np.float32)})  # type: ignore[arg-type]
    return tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_the_verdict_outlives_the_reader_and_a_full_disk_is_an_error(outputs: Path) -> None:
    command = [sys.executable, "-m", "mlparity", "compare", "a.npz", "b.npz"]
    whole = subprocess.run(command, cwd=outputs, capture_output=True, text=True, check=False)
    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (1, "Verdict: fail")
    assert "\x1b" not in whole.stdout + whole.stderr
    reading, writing = os.pipe()
    os.close(reading)
    gone = subprocess.run(command, cwd=outputs, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert gone.returncode == 1
    assert "rror" not in gone.stderr
    with Path("/dev/full").open("w") as full:
        lost = subprocess.run(command, cwd=outputs, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert lost.returncode == 2
    assert "the result could not be printed" in lost.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("compare", "--help")], ids=" ".join)
def test_help_ends_as_results_do(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "mlparity", *arguments]
    reading, writing = os.pipe()
    os.close(reading)
    gone = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (gone.returncode, gone.stderr) == (0, "")
    with Path("/dev/full").open("w") as full:
        lost = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert lost.returncode == 2
    assert lost.stderr.startswith("error: the result could not be printed")


_TURNED_AWAY = """
import time
from mlparity.cli import progress
from mlparity.core.quiet import quiet_stderr
progress._EVERY_S = 0.2
with progress.shown_progress() as tell:
    tell("convert", 0, 2)
    with quiet_stderr():
        time.sleep(1.0)
    tell("convert", 2, 2)
"""


def test_progress_is_told_while_a_converter_is_kept_quiet() -> None:
    """Converters write to descriptor 2 itself, which is turned away while they run."""
    done = subprocess.run([sys.executable, "-c", _TURNED_AWAY], capture_output=True, text=True, check=True)
    assert done.stderr.count("convert: 0/2, still running") >= 2, done.stderr
    assert done.stderr.splitlines()[-1] == "convert: 2/2"
