"""Somebody's script, run as it stands with prediction enabled."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.sessions.pretending import pretend_macos
from mlparity.sessions.scripts import run_module, run_script


def execute_script(
    script: Path, arguments: tuple[str, ...] = (), chip: str | None = "M4", *, macos: bool = False
) -> None:
    """Run `script` as `python SCRIPT ARGUMENTS` would, after `enable_coremltools(chip)`.

    With `macos` it is told that the system is macOS, as `mlparity.sessions.pretending` says.

    Raises:
        InputError: there is no such file or chip. What the script itself raises passes through.
    """
    run_script(script, arguments, partial(_prepare, chip, macos))


def execute_module(
    module: str, arguments: tuple[str, ...] = (), chip: str | None = "M4", *, macos: bool = False
) -> None:
    """Run a module as `python -m MODULE ARGUMENTS` would, after `enable_coremltools(chip)`; `macos` as for a script.

    Raises:
        InputError: there is no such module or chip. What the module itself raises passes through.
    """
    run_module(module, arguments, partial(_prepare, chip, macos))


def _prepare(chip: str | None, macos: bool) -> None:
    enable_coremltools(chip)
    if macos:
        pretend_macos()
