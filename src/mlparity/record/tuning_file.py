"""The result of a tuning as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.core.writing import write_whole
from mlparity.record.text import plain
from mlparity.record.tuning import Tuning

_TYPE = TypeAdapter(Tuning)


def write_tuning(tuning: Tuning, path: Path) -> None:
    """Write a tuning as JSON; numbers that are not finite become the texts that records use.

    Raises:
        OutputError: the file cannot be written.
    """
    write_whole(path, f"{json.dumps(plain(asdict(tuning)), ensure_ascii=False, indent=1)}\n".encode())


def read_tuning(path: Path) -> Tuning:
    """Return the tuning in a file.

    Raises:
        FormatError: the file cannot be read, or holds no tuning.
    """
    try:
        return _TYPE.validate_python(json.loads(read_regular(path, limit=MEDIUM)))
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise FormatError("this is not a tuning", where=str(path), found=str(error).splitlines()[0]) from error
