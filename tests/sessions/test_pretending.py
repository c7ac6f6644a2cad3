"""A script that is told of macOS, in a process of its own: what it sees, what others see, and what still works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GUARDED = """
import sys
from sys import platform as read_once
if sys.platform != "darwin" or read_once != "darwin":
    sys.exit("this script needs macOS")
import os
import platform
assert (platform.system(), platform.machine(), os.uname().sysname) == ("Darwin", "arm64", "Darwin")
assert platform.mac_ver()[0].split(".") >= ["15"]
import coremltools as ct
from coremltools.models.utils import _is_macos, _macos_version
assert _is_macos() and _macos_version() >= (15, 0)
import numpy as np
from coremltools.converters.mil import Builder as mb

@mb.program(input_specs=[mb.TensorSpec((2, 3))])
def doubled(x):
    return mb.mul(x=x, y=2.0, name="y")

model = ct.convert(doubled, convert_to="mlprogram", compute_units=ct.ComputeUnit.CPU_ONLY)
print(model.predict({"x": np.ones((2, 3), np.float32)})["y"].tolist())
"""

ELSEWHERE = """
import multiprocessing
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ProcessPoolExecutor

import numba
import torch
import transformers

def square(number):
    return number * number

if __name__ == "__main__":
    assert subprocess.run(["uname"], capture_output=True, text=True).stdout.strip() != "Darwin"
    assert multiprocessing.get_start_method() == "fork"
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(4))) == [0, 1, 4, 9]
    assert numba.njit(lambda x: x + 1)(1) == 2
    assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).shape == (1, 2)
    config = transformers.LlamaConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                                      vocab_size=32)
    assert transformers.LlamaModel(config)(torch.ones(1, 2, dtype=torch.int64)).last_hidden_state.shape == (1, 2, 16)
    with tempfile.NamedTemporaryFile() as file:
        assert urllib.request.urlopen(f"file://{file.name}").read() == b""
    print("works")
"""


def run(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text)
    command = [sys.executable, "-W", "ignore", "-m", "mlparity", "exec", *options, "script.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="it is macOS")


def test_a_script_that_wants_macos_predicts(tmp_path: Path) -> None:
    done = run(tmp_path, GUARDED, "--pretend-macos")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]"
    assert "told that this is macOS" in done.stderr


def test_without_the_option_it_sees_the_truth(tmp_path: Path) -> None:
    done = run(tmp_path, GUARDED)
    assert done.returncode == 1
    assert "needs macOS" in done.stderr
    assert "told that this is macOS" not in done.stderr


def test_processes_downloads_kernels_and_other_packages_still_work(tmp_path: Path) -> None:
    done = run(tmp_path, ELSEWHERE, "--pretend-macos")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "works"
