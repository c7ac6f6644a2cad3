"""How a command ends: its exit code, and what is said of an error or a stop.

Exit codes 0, 1 and 3 are verdicts, and come from a command that has finished its work alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer

from mlparity.cli.stopping import stopped_code
from mlparity.cli.terminal import complain, results_apart
from mlparity.cli.unforeseen import tell_of_error, tell_of_rest
from mlparity.cli.watch import UNFORESEEN
from mlparity.core.errors import MlparityError, SourceError
from mlparity.core.user_code import raised_at, said
from mlparity.core.words import Verdict

P = ParamSpec("P")

BAD_INPUT = 2
EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.UNKNOWN: 3}


def ends_well(command: Callable[P, Verdict | None]) -> Callable[P, None]:
    """Let `command` end with its verdict's exit code; an error with 2, a stop with 128 and the signal, others with 70.

    What other code prints meanwhile goes to stderr.
    """

    @functools.wraps(command)
    def ending(*args: P.args, **kwargs: P.kwargs) -> None:
        raise typer.Exit(_exit_code(lambda: command(*args, **kwargs)))

    return ending


def ends_as_its_script(command: Callable[P, None]) -> Callable[P, None]:
    """Let `command` end as the script that it runs does; errors of ours and Ctrl-C alone are said in our way."""

    @functools.wraps(command)
    def ending(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except MlparityError as error:
            raise typer.Exit(_bad_input(error)) from error
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(_interrupted(interrupt)) from interrupt

    return ending


def _exit_code(command: Callable[[], Verdict | None]) -> int:
    try:
        with results_apart():
            verdict = command()
        return 0 if verdict is None else EXIT_CODES[verdict]
    except MlparityError as error:
        return _bad_input(error)
    except KeyboardInterrupt as interrupt:
        return _interrupted(interrupt)
    except SystemExit as end:  # a command raises none: it is other code's
        return _bad_input(SourceError("other code called sys.exit", where=raised_at(end), found=said(end)))
    except BaseException as error:
        tell_of_error(error)
        return UNFORESEEN


def _bad_input(error: MlparityError) -> int:
    complain(f"error: {error}")
    tell_of_rest(error)
    return BAD_INPUT


def _interrupted(interrupt: KeyboardInterrupt) -> int:
    complain(f"interrupted: {interrupt.args[0] if interrupt.args else 'nothing was left behind'}", "yellow")
    return stopped_code()
