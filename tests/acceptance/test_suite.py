"""Twelve models of the zoo as a suite on workers: one fails, one cannot be converted, one cannot be built."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from tests.models.files import model_file
from tests.models.zoo import MODELS

pytest.importorskip("ray", reason="Ray has no wheel for this machine")

ROOT = Path(__file__).parents[2]
AS_THEY_ARE = [each for each in MODELS if each.factory not in ("efficientnetv2_s", "face_proposals")]
OWN = """
from pathlib import Path

import numpy as np
import torch

from tests.models.networks import Proposals
from tests.models.zoo import filled


def faces():
    return filled(Proposals(), torch.load(Path(__file__).with_name("pnet.pt"), weights_only=True))


def many_faces():
    draw = np.random.default_rng(0)
    for _ in range(40):
        yield {"image": draw.uniform(-1, 1, (1, 3, 40, 48)).astype(np.float32)}


class Refused(torch.nn.Module):
    def forward(self, x):
        return torch.linalg.eigvals(x @ x.T).real.sort().values


def refused():
    return Refused().eval()


def raising():
    raise RuntimeError("no weights <here>")
"""
OWN_MODELS = """
[models.faces]
source = "own_models.py:faces"
inputs = "own_models.py:many_faces"
settings = ["fp32/CPU_ONLY"]
policy = "task"

[models.failing]
source = "ZOO/zoo.py:pitch"
inputs = "ZOO/samples.py:pitch_frames"
limit = 2
settings = ["fp16/CPU_ONLY"]
policy = "strict.toml"

[models.refused]
source = "own_models.py:refused"
shapes = ["x:3,3"]
limit = 1
settings = ["fp32/CPU_ONLY"]

[models.raising]
source = "own_models.py:raising"
shapes = ["x:1,4"]
"""
KEPT = "unchanged since an earlier run"


def models() -> str:
    tables = []
    for model in AS_THEY_ARE:
        carry = ", ".join(f'{output} = "{name}"' for output, name in model.carry.items())
        tables.append(
            f'[models.{model.factory}]\nsource = "{model.source}"\ninputs = "{model.inputs}"\nlimit = 20\n'
            f'carry = {{{carry}}}\nsettings = ["fp32/CPU_ONLY"]\npolicy = "task"\n'
        )
    return "\n".join(tables) + OWN_MODELS.replace("ZOO", str(ROOT / "tests/models"))


def run_suite(folder: Path) -> dict[str, str]:
    """Run the command, which has to end with 1; return each model's line of the index."""
    environment = {**os.environ, "MLPARITY_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "mlparity", "suite", "models.toml", "--out", "out", "--ray", "local:2"]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stderr
    lines = (folder / "out/index.md").read_text().splitlines()
    assert lines[0] == "# fail: 12 models, 9 pass, 1 fail, 2 not verified"
    return {re.split(r"[\]\s|]", line.lstrip("| ["))[0].replace("\\", ""): line for line in lines[4:]}


def test_twelve_models_are_shown_for_what_they_are_and_run_again_when_they_change(tmp_path: Path) -> None:
    (tmp_path / "own_models.py").write_text(OWN)
    (tmp_path / "models.toml").write_text(models())
    (tmp_path / "strict.toml").write_text('required = ["fp16/CPU_ONLY"]\nlimits.max_abs = {at_most = 1e-12}\n')
    shutil.copy(model_file("facenet_pytorch/data/pnet.pt"), tmp_path / "pnet.pt")
    first = run_suite(tmp_path)
    assert len(first) == 12
    assert "linalg" in first["refused"]
    assert "no weights &lt;here&gt;" in first["raising"]
    outcomes = {
        str(each.get("name")): (each.get("failures"), each.get("errors"))
        for each in ElementTree.parse(tmp_path / "out/junit.xml").getroot()
    }
    assert {name for name, counts in outcomes.items() if counts != ("0", "0")} == {
        *("mlparity: failing", "mlparity: refused", "mlparity: raising")
    }
    assert outcomes["mlparity: failing"][1] == "0"

    assert {name for name, line in run_suite(tmp_path).items() if KEPT not in line} == {"refused", "raising"}

    weights = torch.load(tmp_path / "pnet.pt", weights_only=True)
    torch.save({name: value * 1.01 for name, value in weights.items()}, tmp_path / "pnet.pt")
    again = {name for name, line in run_suite(tmp_path).items() if KEPT not in line}
    assert again == {"faces", "refused", "raising"}
