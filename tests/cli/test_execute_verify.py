"""`mlparity exec --verify`: somebody's unchanged script, each of its conversions verified as it is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlparity.api import read_any_record
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record

TRACED_IN_TRAINING = """
import coremltools as ct
import torch

net = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU())  # no .eval()
x = torch.linspace(-1, 1, 24).reshape(3, 8)
traced = torch.jit.trace(net, x, check_trace=False)
ct.convert(
    traced, inputs=[ct.TensorType("x", x.shape)], compute_precision=ct.precision.FLOAT32,
    minimum_deployment_target=ct.target.iOS16,
).save("net.mlpackage")
print("saved")
"""

EXPORTED = """
import coremltools as ct
import torch


class Large(torch.nn.Module):
    def forward(self, x):
        return (x * 300).square().mean(1) / 1000


program = torch.export.export(Large().eval(), (torch.linspace(200, 300, 8)[None],)).run_decompositions({})
ct.convert(program, minimum_deployment_target=ct.target.iOS16).save("large.mlpackage")
"""

TWICE = """
import sys

import torch
import litert_torch
import coremltools as ct


class Net(torch.nn.Module):
    def forward(self, x):
        return torch.sigmoid(x)


class Branching(Net):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else -x


def convert(module, x):
    return ct.convert(
        torch.jit.trace(module.eval(), x), inputs=[ct.TensorType("x", x.shape)],
        compute_precision=ct.precision.FLOAT32, minimum_deployment_target=ct.target.iOS16,
    )


x = torch.ones(1, 8)
convert(Net(), x).save("net.mlpackage")
litert_torch.convert(Net().eval(), (x,)).export("net.tflite")
convert(Branching(), x).save("branching.mlpackage")
sys.exit(0)
"""


def run(folder: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "convert.py").write_text(script)
    command = [sys.executable, "-W", "ignore", "-m", "mlparity", "exec", "--verify", *options, "convert.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def record_of(folder: Path, name: str) -> Record:
    found = read_any_record(folder / "mlparity-out" / name)
    assert isinstance(found, Record)
    return found


def test_a_trace_of_a_module_in_training_mode(tmp_path: Path) -> None:
    done = run(tmp_path, TRACED_IN_TRAINING)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("saved\nSequential: fail under the policy 'consistency' on 1 sample\n")
    assert (tmp_path / "net.mlpackage").exists()
    assert record_of(tmp_path, "1-Sequential").cause.kind is CauseKind.TRAINING_MODE
    assert done.stdout.endswith("Verdict: fail\n")


def test_an_exported_program_that_overflows_in_fp16(tmp_path: Path) -> None:
    done = run(tmp_path, EXPORTED)
    assert done.returncode == 1, done.stderr
    assert "Large: fail" in done.stdout
    assert record_of(tmp_path, "1-Large").cause.kind is CauseKind.OVERFLOW


def test_a_function_that_converts_twice(tmp_path: Path) -> None:
    for number, sign in enumerate((1, -1)):
        np.savez(tmp_path / f"{number}.npz", x=sign * np.ones((1, 8), np.float32))
    (tmp_path / "samples").mkdir()
    for number in range(2):
        (tmp_path / f"{number}.npz").rename(tmp_path / f"samples/{number}.npz")
    done = run(tmp_path, TWICE, "--inputs", "samples")
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("Net:", "Branching:"))]
    assert lines[0].startswith("Net: pass in fp32/CPU_ONLY, fp32/CPU_AND_GPU, fp32/ALL; report: ")
    assert lines[1].startswith("Net: pass in litert/fp32; report: ")
    assert lines[2].startswith("Branching: fail")
    assert record_of(tmp_path, "3-Branching").cause.kind is CauseKind.BRANCH


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("print('nothing')", 3, "no conversion by coremltools or litert-torch was seen"),
        ("raise SystemExit(7)", 7, "no conversion"),
        ("import sys; sys.exit('gone')", 1, "no conversion"),
    ],
)
def test_a_script_that_converts_nothing(tmp_path: Path, script: str, code: int, words: str) -> None:
    done = run(tmp_path, script)
    assert (done.returncode, words in done.stdout) == (code, True), done.stderr


def test_a_policy_that_is_none_is_told_before_the_script_runs(tmp_path: Path) -> None:
    done = run(tmp_path, "print('ran')", "--policy", "nothing.toml")
    assert (done.returncode, done.stdout) == (2, "")


def test_what_cannot_be_verified_is_said_and_the_script_goes_on(tmp_path: Path) -> None:
    script = TRACED_IN_TRAINING.replace("torch.nn.ReLU()", "torch.nn.ReLU()").replace("no .eval()", "")
    np.savez(tmp_path / "other.npz", x=np.ones((1, 5), np.float32))
    done = run(tmp_path, script, "--inputs", "other.npz")
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("saved\nSequential: could not be verified: ")
