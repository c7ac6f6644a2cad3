"""Somebody's script, run as `python` would run it once something is prepared."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from mlparity.core.errors import InputError
from mlparity.core.regular_files import MEDIUM, check_regular, reason_of


def run_script(script: str, arguments: tuple[str, ...], prepare: Callable[[], object]) -> None:
    """Call `prepare`, then run `script` as `python SCRIPT ARGUMENTS` would.

    Raises:
        InputError: there is no such file. What `prepare` or the script raises passes through.
    """
    try:
        check_regular(Path(script), limit=MEDIUM)
    except OSError as error:
        raise InputError("no such script", where=script, found=reason_of(error), next_step="check the path") from error
    prepare()
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).resolve().parent))
    runpy.run_path(script, run_name="__main__")


def run_module(module: str, arguments: tuple[str, ...], prepare: Callable[[], object]) -> None:
    """Call `prepare`, then run a module as `python -m MODULE ARGUMENTS` would.

    Raises:
        InputError: there is no such module. What `prepare` or the module raises passes through.
    """
    sys.path.insert(0, str(Path.cwd()))
    package = module.partition(".")[0]
    if not module or find_spec(package) is None:
        raise InputError(
            "no such module", where=module, next_step="check the name; the current folder can be imported from"
        )
    prepare()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
