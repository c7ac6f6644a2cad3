"""Workflow files: they can be read, name what exists, and give the shell no text of others."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.docs.documents import ROOT

FILES = (ROOT / "examples/measure_on_a_hosted_mac.yml", *sorted((ROOT / ".github/workflows").glob("*.yml")))


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_shell_gets_values_through_variables_alone(path: Path) -> None:
    assert all("${{" not in step.get("run", "") for step in steps(path))


@pytest.mark.parametrize("command", ["verify", "run"])
def test_the_options_of_mlparity_exist(command: str) -> None:
    text = "\n".join(step.get("run", "") for path in FILES for step in steps(path))
    lines = [line for line in text.splitlines() if f"mlparity {command} " in line or "arguments+=" in line]
    used = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    done = subprocess.run(
        [sys.executable, "-m", "mlparity", command, "--help"], capture_output=True, text=True, check=True
    )
    own = {"verify": used - {"--unit"}, "run": used & {"--inputs", "--unit", "--out"}}[command]
    assert own
    assert own <= set(re.findall(r"--[a-z-]+", done.stdout))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_script_is_shell(path: Path) -> None:
    for step in steps(path):
        if "run" in step:
            subprocess.run(["bash", "-n", "-c", step["run"]], check=True)


def test_the_newest_packages_are_those_of_the_project() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/newest.yml").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    for package in workflow["jobs"]["test"]["strategy"]["matrix"]["package"]:
        assert f'"{package}' in project
