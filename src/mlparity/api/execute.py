"""Somebody's script, run as it stands with prediction enabled."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from mlparity.core.errors import InputError
from mlparity.core.regular_files import MEDIUM, check_regular, reason_of
from mlparity.engine.coremltools_binding import enable_coremltools


def execute_script(script: Path, arguments: tuple[str, ...] = ()) -> None:
    """Run `script` as `python SCRIPT ARGUMENTS` would, after `enable_coremltools()`.

    Raises:
        InputError: there is no such file. What the script itself raises passes through.
    """
    try:
        check_regular(script, limit=MEDIUM)
    except OSError as error:
        raise InputError(
            "no such script", where=str(script), found=reason_of(error), next_step="check the path"
        ) from error
    enable_coremltools()
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    runpy.run_path(str(script), run_name="__main__")
