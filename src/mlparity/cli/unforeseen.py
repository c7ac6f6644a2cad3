"""What is said of an exception that nobody foresaw: a report in a file, to be sent."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

from mlparity import __version__
from mlparity.cli.terminal import complain
from mlparity.core.errors import MlparityError, shortened
from mlparity.core.user_code import raised_at, said


def tell_of_error(error: BaseException) -> None:
    """Print one short text, and write the traceback into a file that it names."""
    try:
        path = str(_written("report.txt", _report(error)))
    except OSError:
        path = ""
        complain(_report(error), "dim")
    complain(
        f"error: mlparity {__version__} met what it did not foresee; this says nothing about the model\n"
        f"  found: {shortened(said(error), 400)}\n"
        f"  where: {raised_at(error)}\n"
        f"  next: please report it, with the command" + (f" and the file {path}" if path else "")
    )


def tell_of_rest(error: MlparityError) -> None:
    """Where the error's text was shortened, write all of it into a file and name that."""
    if error.whole == str(error):
        return
    try:
        complain(f"  the whole text: {_written('error.txt', error.whole)}")
    except OSError:
        return


def _report(error: BaseException) -> str:
    about = (
        f"mlparity {__version__}",
        f"Python {platform.python_version()}, {platform.platform()}",
        f"command: {sys.argv!r}",
    )
    return "\n".join((*about, "", "".join(traceback.format_exception(error))))


def _written(name: str, text: str) -> Path:
    path = Path(tempfile.mkdtemp(prefix="mlparity-report-")) / name
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path
