"""Somebody's script, run as it stands with prediction enabled."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

from mlparity.core.errors import InputError
from mlparity.core.regular_files import MEDIUM, check_regular, reason_of
from mlparity.engine.coremltools_binding import enable_coremltools


def execute_script(script: Path, arguments: tuple[str, ...] = (), chip: str | None = "M4") -> None:
    """Run `script` as `python SCRIPT ARGUMENTS` would, after `enable_coremltools(chip)`.

    Raises:
        InputError: there is no such file or chip. What the script itself raises passes through.
    """
    try:
        check_regular(script, limit=MEDIUM)
    except OSError as error:
        raise InputError(
            "no such script", where=str(script), found=reason_of(error), next_step="check the path"
        ) from error
    enable_coremltools(chip)
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    runpy.run_path(str(script), run_name="__main__")


def execute_module(module: str, arguments: tuple[str, ...] = (), chip: str | None = "M4") -> None:
    """Run a module as `python -m MODULE ARGUMENTS` would, after `enable_coremltools(chip)`.

    Raises:
        InputError: there is no such module or chip. What the module itself raises passes through.
    """
    sys.path.insert(0, str(Path.cwd()))
    package = module.partition(".")[0]
    if not module or find_spec(package) is None:
        raise InputError(
            "no such module", where=module, next_step="check the name; the current folder can be imported from"
        )
    enable_coremltools(chip)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
