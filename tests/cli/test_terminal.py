"""One place prints, and nothing from a file reaches the terminal as more than text."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.cli import terminal
from mlparity.cli.progress import _Lines
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
    assert re.sub(r"after \d+ s", "after N s", stream.getvalue()).splitlines() == [
        "work: still running after N s",
        "samples",
        "samples: 7 so far, after N s; --limit N takes the first N",
        "compare: 1/30",
        "compare: 1/30, still running after N s",
    ]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    np.savez(tmp_path / "a.npz", **{"y\x1b]52;c;ZXZpbA==\x1b\\": np.zeros(3, np.float32)})  # type: ignore[arg-type]
    np.savez(tmp_path / "b.npz", **{"y\x1b]52;c;ZXZpbA==\x1b\\": np.ones(3, np.float32)})  # type: ignore[arg-type]
    return tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_the_verdict_outlives_the_reader_and_a_full_disk_is_an_error(outputs: Path) -> None:
    command = [sys.executable, "-m", "mlparity", "compare", "a.npz", "b.npz"]
    whole = subprocess.run(command, cwd=outputs, capture_output=True, text=True, check=False)
    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (1, "fail")
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
