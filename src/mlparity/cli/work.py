"""The process that does a command's work, watched by another one or alone."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from mlparity.cli.fewer_imports import import_fewer
from mlparity.cli.stopping import stopped_code, take_stop_signals
from mlparity.cli.watch import UNFORESEEN

_LAST_SECONDS = 10
"""How long threads and exit handlers of other code may delay the end."""


def run() -> int:
    """Run the command line of `sys.argv` and return its exit code."""
    take_stop_signals()
    try:
        from mlparity.cli.terminal import own_streams

        own_streams()
        import_fewer()
        from mlparity.cli.app import app

        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return stopped_code()
    except BaseException as error:
        from mlparity.cli.unforeseen import tell_of_error

        tell_of_error(error)
        return UNFORESEEN
    return 0


def run_watched(telling: int, lifeline: int) -> NoReturn:
    """Run the command line, tell its exit code into the pipe `telling`, and end with it.

    When the pipe `lifeline` ends, the watching process is gone, and this one ends as after SIGTERM.
    """
    working = os.getpid()
    faulthandler.enable()  # a crash of native code then says in which line of Python it was
    for descriptor in (telling, lifeline):
        os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with_watcher, args=(lifeline,), daemon=True).start()
    code = run()
    if os.getpid() != working:
        os._exit(code)  # a fork that the user's code made and that came back here
    with suppress(OSError):  # the watching process may be gone
        os.write(telling, str(code).encode())
    gc.freeze()  # or the interpreter looks through everything once more as it ends, for over a second
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_LAST_SECONDS)  # the system ends the process then, even where Python does not run any more
    sys.exit(code)


def _end_with_watcher(lifeline: int) -> None:
    os.read(lifeline, 1)
    signal.alarm(_LAST_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
