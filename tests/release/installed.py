"""The wheel as a stranger installs it: in an empty environment, with one set of extras."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from tests.docs.documents import blocks

SETS = ("", "litert", "onnx", "coreai", "executorch", "ray", "images", "safetensors", "litert,images")
"""The extras that are tried: none, each alone, and those of the first page."""

FIRST_PAGE = "litert,images"
"""What the README installs, so that its quick start runs."""


def try_wheel(wheel: Path, extras: str, folder: Path) -> list[str]:
    """Install the wheel into an empty environment below `folder` and return what fails; the README's quick start too.

    Without LiteRT the command line has to say so; the rest needs no extra.
    """
    python = _environment(folder)
    _run(folder, python, "-m", "pip", "install", "--quiet", f"{wheel}[{extras}]" if extras else str(wheel))
    failures = [
        *_failure(folder, python, "-m", "mlparity", "--version"),
        *_failure(folder, python, "-m", "mlparity", "doctor"),
        *_failure(folder, python, "-c", "import mlparity; mlparity.verify, mlparity.VerifyOptions()"),
    ]
    return [*failures, *(_quick_start(folder, python) if extras == FIRST_PAGE else _one_setting(folder, python))]


def _environment(folder: Path) -> Path:
    venv.create(folder / "environment", with_pip=True)
    return folder / "environment" / "bin" / "python"


def _quick_start(folder: Path, python: Path) -> list[str]:
    """Run the first files and commands of the README as they stand."""
    failures = []
    for block in blocks("README.md"):
        if block.file:
            (folder / block.file).write_text(block.text)
        elif block.language == "bash" and not block.is_setup:
            failures += _failure(folder, Path("bash"), "-euo", "pipefail", "-c", block.text, path=python.parent)
            break
    return failures


def _one_setting(folder: Path, python: Path) -> list[str]:
    """Verify the README's model in the one setting that needs no extra."""
    (model,) = (block for block in blocks("README.md") if block.file == "model.py")
    (folder / model.file).write_text(model.text)
    command = ("verify", "model.py:classifier", "--inputs", "model.py:samples", "--setting", "fp32/CPU_ONLY")
    return _failure(folder, python, "-m", "mlparity", *command, "--out", "out")


def _failure(folder: Path, program: Path, *arguments: str, path: Path | None = None) -> list[str]:
    done = _run(folder, program, *arguments, path=path, check=False)
    return [] if done.returncode == 0 else [f"{' '.join(arguments)[:60]}: {done.returncode}\n{done.stderr}"]


def _run(
    folder: Path, program: Path, *arguments: str, path: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if path is not None:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [str(program), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        sys.exit(f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
    return done
