"""What is said when the working process ended without a result."""

from __future__ import annotations

import signal

from mlparity.cli.terminal import complain

_OOM = "; the system sends it to the largest process when memory runs out"


def tell_of_crash(number: int) -> None:
    """Say that a signal ended the process."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    complain(
        f"error: the process crashed before there was a result\n"
        f"  found: signal {number} ({name}){_OOM if number == signal.SIGKILL else ''}\n"
        f"  next: if native code of the model's own did not cause it, report it with the command and the lines above"
    )


def tell_of_refusal(error: OSError) -> None:
    """Say that the system did not let the work begin."""
    complain(
        f"error: the process that does the work cannot be started\n"
        f"  found: {error}\n"
        f"  next: give the command more processes, open files or memory"
    )


def tell_of_code(code: int) -> None:
    """Say that other code ended the process by itself."""
    complain(
        f"error: the process was ended with exit code {code} before there was a result\n"
        f"  found: code that runs in it, such as the model, the samples, a preprocessing or a metric, called os._exit,"
        f" or became another program\n"
        f"  next: take the call out; code that is to stop a verification raises an exception"
    )
