"""Runs Google's converter and quantiser without their chatter."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from mlparity.core.quiet import quiet_stderr


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the converter's chatter off the terminal: progress lines, log records, warnings and native messages.

    Logging is put back as it was: the converter's packages install handlers of their own when they are imported.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    shown = os.environ.get(_PROGRESS)
    os.environ[_PROGRESS] = "n"
    root.handlers = [logging.NullHandler()]
    try:
        with warnings.catch_warnings(), quiet_stderr(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers, root.level = handlers, level
        os.environ.pop(_PROGRESS) if shown is None else os.environ.update({_PROGRESS: shown})


_PROGRESS = "LITERT_TORCH_SHOW_PROGRESS"
"""The converter's own switch. Source: litert_torch 0.10, _config.py."""
