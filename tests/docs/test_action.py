"""The action for GitHub and the pre-commit hook: what a machine without GitHub can run of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.docs.documents import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"] if "id" in step}
MODEL = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(8, 3)

    def forward(self, x):
        return torch.sigmoid(self.layer(x))


def net():
    torch.manual_seed(0)
    return Net().eval()
"""
POLICY = """
name = "strict"

[limits.max_abs]
at_least = 1.0
"""


def run(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step that verifies, its inputs filled in as GitHub does."""
    step = STEPS["verify"]
    values = {name: about.get("default", "") for name, about in ACTION["inputs"].items()} | inputs
    filled = {name: values[text.removeprefix("${{ inputs.").removesuffix(" }}")] for name, text in step["env"].items()}
    environment = {
        **os.environ,
        **filled,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_OUTPUT": str(folder / "outputs"),
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "strict.toml").write_text(POLICY)
    return tmp_path


def test_a_verification_that_passes(project: Path) -> None:
    done = run(project, source="model.py:net", setting="litert/*\n", arguments="--shape x:1,8 --limit 2")
    assert done.returncode == 0, done.stderr
    assert (project / "outputs").read_text() == "verdict=pass\n"
    assert "# net: pass" in (project / "summary.md").read_text()
    assert (project / "mlparity-out/report.html").exists()
    again = run(
        project,
        source="model.py:net",
        setting="litert/*",
        arguments="--shape x:1,8 --limit 2",
        out="again",
        baseline="mlparity-out",
    )
    assert again.returncode == 0, again.stderr
    assert "Nothing changed" in again.stdout


def test_a_verification_that_fails(project: Path) -> None:
    done = run(project, source="model.py:net", setting="litert/fp32", policy="strict.toml", arguments="--shape x:1,8")
    assert done.returncode == 1
    assert (project / "outputs").read_text() == "verdict=fail\n"
    assert "::error title=mlparity%3A net%3A fail::" in done.stdout


def test_bad_input_has_no_verdict(project: Path) -> None:
    done = run(project, source="model.py:missing", arguments="--shape x:1,8")
    assert done.returncode == 2
    assert (project / "outputs").read_text() == "verdict=\n"


def test_inputs_reach_the_shell_through_variables_alone() -> None:
    """A text in braces within `run` would be code: of whoever names a branch or a file."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_what_is_installed_are_extras_that_exist() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(ACTION["inputs"]["extras"]["default"].split(",")) <= set(project["optional-dependencies"])


def test_the_hook_s_command_exists(project: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    command = [sys.executable, "-m", *hook["entry"].split(), "missing.mlpackage"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "missing.mlpackage" in done.stderr
