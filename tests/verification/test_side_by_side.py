"""Conversions to several targets run in as many processes, and give what they give one after the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlparity.core.source import Source
from mlparity.core.words import Precision
from mlparity.record.record import Artifact
from mlparity.verification.artifacts import Maker
from mlparity.verification.options import VerifyOptions
from mlparity.verification.stored import Stored

NET = """
import os
import time
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 3)

    def forward(self, x):
        with Path("processes").open("a") as file:
            file.write(f"{os.getpid()}\\n")
        if os.environ.get("FAILS") and torch.compiler.is_exporting():
            raise ValueError("not this way")
        if os.getpid() != int(Path("first").read_text()):
            if os.environ.get("LEAVES"):
                os._exit(0)
            if os.environ.get("WAITS"):
                time.sleep(600)
        return torch.tanh(self.line(x))


def net():
    Path("first").write_text(str(os.getpid()))
    return Net().eval()
"""
SETTINGS = ("fp32/CPU_ONLY", "onnx/fp32")

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="it takes two processors and Linux"
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLPARITY_CACHE", str(tmp_path / "cache"))
    return tmp_path


def command(out: str) -> list[str]:
    asked = [part for name in SETTINGS for part in ("--setting", name)]
    options = ["--shape", "x:1,4", "--out", out, "--limit", "2", *asked]
    return [sys.executable, "-m", "mlparity", "verify", "net.py:net", *options]


def env(threads: int, more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(threads), **more}


def verified(out: str, threads: int, **environment: str) -> tuple[dict[str, Any], set[str]]:
    """Return the record of a run with so many threads, and the processes that ran the source."""
    Path("processes").unlink(missing_ok=True)
    done = subprocess.run(command(out), env=env(threads, environment), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "convert: 2/2" in done.stderr
    assert "Traceback" not in done.stderr
    record: dict[str, Any] = json.loads((Path(out) / "record.json").read_text())
    return record, set(Path("processes").read_text().split())


def rows(record: dict[str, Any]) -> list[tuple[object, ...]]:
    return [(row["setting"], row["verdict"], row["note"]) for row in record["settings"]]


def test_a_failure_says_what_it_says_in_one_process() -> None:
    together, processes = verified("together", 2, FAILS="1")
    alone, other = verified("alone", 1, FAILS="1")
    assert (len(processes), len(other)) == (2, 1)
    assert rows(together) == rows(alone)
    assert [each["path"] for each in together["artifacts"]] == [each["path"] for each in alone["artifacts"]]
    assert [row["verdict"] for row in together["settings"]] == ["pass", "unknown"]
    assert "ONNX exporter stopped" in together["settings"][1]["note"]


def test_what_ends_in_another_process_is_made_in_the_first_one() -> None:
    record, processes = verified("out", 2, LEAVES="1")
    assert len(processes) == 2
    assert [row["verdict"] for row in record["settings"]] == ["pass", "pass"]
    assert [each["target"] for each in record["artifacts"]] == ["coreml", "onnx"]
    assert not list(Path("out").glob(".*"))


def test_what_another_process_makes_is_kept_and_kept_conversions_take_no_process() -> None:
    together, processes = verified("together", 2)
    assert len(processes) == 2
    assert [row["verdict"] for row in together["settings"]] == ["pass", "pass"]
    again, processes = verified("again", 2)
    assert len(processes) == 1
    assert [each["sha256"] for each in again["artifacts"]] == [each["sha256"] for each in together["artifacts"]]


@pytest.fixture
def not_ignored() -> Iterator[None]:
    """Let a process inherit what a terminal's has: one in a script's background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("not_ignored")
def test_ctrl_c_ends_every_process_and_leaves_nothing(place: Path) -> None:
    with subprocess.Popen(command("out"), env=env(2, {"WAITS": "1"}), stderr=subprocess.PIPE, text=True) as running:
        processes = set[str]()
        while len(processes) < 2:
            assert running.poll() is None
            time.sleep(0.2)
            noted = Path("processes")
            processes = set(noted.read_text().split()) if noted.exists() else set()
        running.send_signal(signal.SIGINT)
        _, said = running.communicate()
    assert running.returncode == 130, said
    assert "nothing was left behind" in said
    assert not [each for each in processes if Path(f"/proc/{each}").exists()]
    assert {each.name for each in place.iterdir()} <= {"net.py", "first", "processes", "cache", "__pycache__"}


def test_what_another_process_may_be_compressing_stays_where_it_is(tmp_path: Path) -> None:
    stage, beside = tmp_path / "stage", tmp_path / "stage" / "beside"
    beside.mkdir(parents=True)
    (beside / "net_fp32.tflite").write_bytes(b"weights")
    source = Source("net", "factory", "net.py:net", None, ("x",), ("y",), 0, "")
    maker = Maker(source, (), VerifyOptions(), stage, beside, {}, {})
    stored = Stored("litert", Precision.FP32)
    artifact = Artifact("net_fp32.tflite", "litert", Precision.FP32, 7, "", "litert_torch")
    assert maker.taken_from(beside, stored, artifact) is maker.known[stored] is artifact
    assert (stage / artifact.path).read_bytes() == (beside / artifact.path).read_bytes() == b"weights"
