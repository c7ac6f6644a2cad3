"""An artifact on samples: a limit, a carried state, and array files that hold several rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import api
from mlparity.core.errors import InputError
from mlparity.core.words import Precision
from mlparity.targets.table import target_named
from mlparity.targets.target import Request
from tests.loading import load_source


class Counter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell = nn.Linear(6, 4)

    def forward(self, x: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        following = torch.tanh(self.cell(torch.cat([x, hidden], dim=1)))
        return {"y": following.sum(dim=1, keepdim=True), "next_hidden": following}


class Row(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": torch.sigmoid(x) * 2}


STEPS = [np.random.default_rng(step).standard_normal((1, 2)).astype(np.float32) for step in range(5)]
ZEROS = np.zeros((1, 4), np.float32)
ROWS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name, net, sample in (
        ("counter", Counter(), {"x": STEPS[0], "hidden": ZEROS}),
        ("row", Row(), {"x": ROWS[:1]}),
    ):
        source = load_source(net.eval(), sample)
        target_named("litert").convert(Request(source, [sample], Precision.FP32, folder / f"{name}.tflite"))
    (folder / "steps").mkdir()
    for number, x in enumerate(STEPS):
        np.savez(folder / f"steps/{number}.npz", x=x, hidden=ZEROS)
    np.save(folder / "rows.npy", ROWS)
    np.save(folder / "wide.npy", ROWS.T.copy())
    return folder


def saved(path: Path, output: str) -> list[np.ndarray]:
    with np.load(path) as file:
        return [file[name] for name in file.files if name.endswith(f"/{output}")]


def test_a_state_is_carried_from_sample_to_sample(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    carry = {"next_hidden": "hidden"}
    assert api.run_artifact(folder / "counter.tflite", str(folder / "steps"), out, carry=carry) == 5
    net, hidden = Counter().eval(), torch.zeros(1, 4)
    for x, found in zip(STEPS, saved(out, "y"), strict=True):
        with torch.no_grad():
            outputs = net(torch.from_numpy(x), hidden)
        hidden = outputs["next_hidden"]
        np.testing.assert_allclose(found, outputs["y"].numpy(), atol=1e-6)
    with pytest.raises(InputError, match="nothing"):
        api.run_artifact(folder / "counter.tflite", str(folder / "steps"), out, carry={"next_hidden": "nothing"})


def test_a_limit_takes_the_first_samples(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    assert api.run_artifact(folder / "counter.tflite", str(folder / "steps"), out, limit=2) == 2
    assert api.run_artifact(folder / "row.tflite", str(folder / "rows.npy"), out, limit=3) == 3


def test_an_array_of_several_rows_is_cut(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npz"
    assert api.run_artifact(folder / "row.tflite", str(folder / "rows.npy"), out) == 4
    np.testing.assert_allclose(np.concatenate(saved(out, "y")), 2 / (1 + np.exp(-ROWS)), atol=1e-6)
    with pytest.raises(InputError, match="shape"):
        api.run_artifact(folder / "row.tflite", str(folder / "wide.npy"), out)


def test_the_command_takes_them_too(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlparity", "run", "counter.tflite", "--inputs", "steps", "--limit", "3"]
    command += ["--carry", "next_hidden=hidden", "--out", str(tmp_path / "out.npz")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"3 samples: {tmp_path / 'out.npz'}\n"), done.stderr
