"""Somebody's script, run as it stands with prediction enabled."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.sessions.scripts import run_module, run_script


def execute_script(script: Path, arguments: tuple[str, ...] = (), chip: str | None = "M4") -> None:
    """Run `script` as `python SCRIPT ARGUMENTS` would, after `enable_coremltools(chip)`.

    Raises:
        InputError: there is no such file or chip. What the script itself raises passes through.
    """
    run_script(script, arguments, partial(enable_coremltools, chip))


def execute_module(module: str, arguments: tuple[str, ...] = (), chip: str | None = "M4") -> None:
    """Run a module as `python -m MODULE ARGUMENTS` would, after `enable_coremltools(chip)`.

    Raises:
        InputError: there is no such module or chip. What the module itself raises passes through.
    """
    run_module(module, arguments, partial(enable_coremltools, chip))
