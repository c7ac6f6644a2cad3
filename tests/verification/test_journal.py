"""A stopped verification goes on where it was, and ends with the record that it would have had."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlparity import api
from mlparity.core.errors import OutputError
from mlparity.record.files import read_record
from mlparity.record.record import Record
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

COUNT = 24
# The artifact runs as the CPU does, and in ideal arithmetic.
RUNS = 2

# The net carries a state and counts its runs; an output is an embedding, one is judged by a threshold and one by the
# user's own metric, so that everything that is accumulated has to survive.
NET = """
import os, time
from pathlib import Path
import numpy as np, torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 3)

    def forward(self, x, state):
        after = torch.tanh(self.line(x) + state)
        return {"scores": after, "embedding": after * 2.0, "after": after}

def net():
    torch.manual_seed(0)
    return Net().eval()

def samples():
    random = np.random.default_rng(int(os.environ.get("SEED", "0")))
    for number in range(int(os.environ.get("COUNT", "24"))):
        sample = {"x": random.standard_normal((1, 4)).astype(np.float32)}
        yield sample if number else {**sample, "state": np.zeros((1, 3), np.float32)}

def shift(source, artifact):
    time.sleep(float(os.environ.get("SLEEP", "0")))
    with open("calls.txt", "a") as file:
        file.write("call\\n")
    if Path("stop.txt").exists() and Path("calls.txt").read_text().count("call") == 20:
        raise ValueError("stopped here")
    return float(np.abs(source["scores"] - artifact["scores"]).max())
"""

POLICY = """
limits.max_abs = {at_most = 0.05, of_scale = true}
[outputs.scores]
task = "threshold"
threshold = 0.1
[outputs.embedding]
task = "retrieval"
[metrics.shift]
function = "net.py:shift"
worst.at_most = 1.0
"""

CALL = """
import signal, sys, typer
signal.signal(signal.SIGINT, signal.default_int_handler)
from mlparity import api
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions
from mlparity.cli.ending import ends_well
options = VerifyOptions(settings_from(["fp16/CPU_ONLY"]), {"after": "state"}, checkpoint_s=0.0)
try:
    ends_well(lambda: api.verify("net.py:net", "out", "net.py:samples", "policy.toml", options))()
except typer.Exit as ending:
    sys.exit(ending.exit_code)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verify(out: str = "out", **changes: object) -> Record:
    options = VerifyOptions(settings_from(["fp16/CPU_ONLY"]), {"after": "state"}, checkpoint_s=0.0)
    chosen = dataclasses.replace(options, **changes)  # type: ignore[arg-type]
    return api.verify("net.py:net", out, "net.py:samples", "policy.toml", chosen)


def stopped(by: signal.Signals, after: int = 5) -> subprocess.CompletedProcess[str]:
    """Run the same verification in a process of its own, and stop it once a checkpoint has `after` samples."""
    environment = {**os.environ, "SLEEP": "0.1", "PYTHONPATH": os.pathsep.join(sys.path)}
    running = subprocess.Popen([sys.executable, "-c", CALL], env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while done() < after and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(by)
    _, error = running.communicate(timeout=60)
    assert after <= done() < COUNT, error
    return subprocess.CompletedProcess([], running.returncode, "", error)


def done() -> int:
    file = Path("out.resume/checkpoint.json")
    return int(json.loads(file.read_bytes())["done"]) if file.exists() else 0


def calls() -> int:
    """The user's metric, by sample."""
    return len(Path("calls.txt").read_text().splitlines()) // RUNS


def counted(record: Record) -> object:
    """Everything that was counted; the time of the runs and of the record is another."""
    rows = [dataclasses.replace(row, seconds_per_sample=None) for row in record.settings]
    return rows, record.rungs, record.hazards, record.noise, record.samples, record.verdict


def test_after_kill_9_nothing_is_lost_and_nothing_counted_twice(place: Path) -> None:
    whole = verify("whole")
    Path("calls.txt").unlink()
    assert stopped(signal.SIGKILL).returncode == -signal.SIGKILL
    before, orphans = done(), [each for each in place.iterdir() if each.name.startswith(".out.")]
    assert len(orphans) == 1, "a killed process cannot clean up"
    Path("calls.txt").unlink()
    resumed = verify()
    assert calls() == COUNT - before
    assert counted(resumed) == counted(whole)
    assert resumed.samples.count == COUNT
    assert {each.name for each in place.iterdir()} >= {"out", "whole"}
    assert not [each for each in place.iterdir() if "out." in each.name], "the checkpoint and the orphan are gone"
    assert read_record(place / "out" / "record.json") == resumed


@pytest.mark.parametrize("key", ["done", "runs"])
def test_a_checkpoint_that_was_changed_by_hand_is_not_used(key: str) -> None:
    stop_at_ten()
    file = Path("out.resume/checkpoint.json")
    fields = json.loads(file.read_bytes())
    if key == "done":
        fields["done"] = 8
    else:
        fields["runs"]["runs"][0]["samples"] += 1
    file.write_text(json.dumps(fields))
    verify()
    assert calls() == COUNT


def test_ctrl_c_says_how_to_go_on(place: Path) -> None:
    ended = stopped(signal.SIGINT)
    assert ended.returncode == 130
    assert "interrupted: the same command goes on from the last checkpoint, out.resume" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [each.name for each in place.iterdir() if each.name.startswith(".out.")] == []
    assert (place / "out.resume" / "net_fp16.mlpackage").is_dir()


def stop_at_ten() -> None:
    """Let the user's metric fail at its tenth sample, after nine were written down."""
    Path("stop.txt").touch()
    with pytest.raises(Exception, match="stopped here"):
        verify()
    Path("stop.txt").unlink()
    assert done() == 9
    Path("calls.txt").unlink()


def test_an_error_keeps_the_checkpoint_too() -> None:
    stop_at_ten()
    verify()
    assert calls() == COUNT - 9
    assert not Path("out.resume").exists()


def test_no_resume_starts_over() -> None:
    stop_at_ten()
    verify(resume=False)
    assert calls() == COUNT
    assert not Path("out.resume").exists()


@pytest.mark.parametrize("change", ["samples", "fewer", "source", "metric", "artifact", "options", "torn"])
def test_what_has_changed_starts_over(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_at_ten()
    options: dict[str, Any] = {}
    if change == "samples":
        monkeypatch.setenv("SEED", "1")
    elif change == "fewer":
        monkeypatch.setenv("COUNT", "5")
    elif change == "source":
        Path("net.py").write_text(NET.replace("torch.tanh", "torch.sigmoid"))
    elif change == "metric":
        Path("net.py").write_text(NET + "\n# another comment\n")
    elif change == "artifact":
        weights = next(Path("out.resume").rglob("weight.bin"))
        data = weights.read_bytes()
        weights.unlink()
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif change == "options":
        options = {"class_outputs": ()}
    else:
        file = Path("out.resume/checkpoint.json")
        file.write_bytes(file.read_bytes()[:-10])
    count = 5 if change == "fewer" else COUNT
    assert verify(**options).samples.count == count
    assert calls() == count
    assert not Path("out.resume").exists()


def test_limits_may_change_without_starting_over() -> None:
    stop_at_ten()
    Path("policy.toml").write_text(POLICY.replace("0.05", "1e-9"))
    assert verify().verdict == "fail"
    assert calls() == COUNT - 9


def test_a_short_run_leaves_no_trace(place: Path) -> None:
    verify(checkpoint_s=30.0)
    assert sorted(each.name for each in place.iterdir() if not each.name.startswith("__")) == [
        "calls.txt",
        "net.py",
        "out",
        "policy.toml",
    ]


def test_somebody_elses_folder_is_left_alone(place: Path) -> None:
    (place / "out.resume").mkdir()
    (place / "out.resume" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something else"):
        verify()
    assert (place / "out.resume" / "thesis.txt").read_text() == "mine"
