"""How a command ends: its exit code, and what is said of an error or Ctrl-C."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer
from rich.console import Console

from mlparity.core.errors import MlparityError
from mlparity.core.words import Verdict

P = ParamSpec("P")

BAD_INPUT = 2
INTERRUPTED = 130
EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 3}


def ends_well(command: Callable[P, Verdict | None]) -> Callable[P, None]:
    """Let `command` end with its verdict's exit code, an error with 2 and its text, and Ctrl-C with 130."""

    @functools.wraps(command)
    def ending(*args: P.args, **kwargs: P.kwargs) -> None:
        raise typer.Exit(_exit_code(lambda: command(*args, **kwargs)))

    return ending


def _exit_code(command: Callable[[], Verdict | None]) -> int:
    try:
        verdict = command()
        sys.stdout.flush()
    except MlparityError as error:
        _say(f"error: {error}", "red")
        return BAD_INPUT
    except KeyboardInterrupt as interrupt:
        _say(f"interrupted: {interrupt.args[0] if interrupt.args else 'nothing was left behind'}", "yellow")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0 if verdict is None else EXIT_CODES[verdict]


def _say(text: str, style: str) -> None:
    Console(stderr=True, highlight=False).print(text, style=style, markup=False, soft_wrap=True)
