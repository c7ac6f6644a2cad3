"""The names of a model's classes, from a text file with one on each line."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.errors import InputError
from mlparity.core.regular_files import SMALL, read_regular, reason_of

_EXPECTED = "a UTF-8 text file with one class name on each line, in the order of the model's output"


def read_class_names(path: Path) -> tuple[str, ...]:
    """Return the names in a file, in its order; lines without text are left out.

    Raises:
        InputError: the file cannot be read, holds no name, or one twice.
    """
    try:
        text = read_regular(path, limit=SMALL).decode()
    except OSError as error:
        raise _unusable(path, reason_of(error)) from error
    except UnicodeDecodeError as error:
        raise _unusable(path, str(error)) from error
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    twice = next((name for name in names if names.count(name) > 1), "") if len(set(names)) < len(names) else ""
    if twice or not names:
        raise _unusable(path, f"{twice!r} twice" if twice else "no names")
    return names


def _unusable(path: Path, found: str) -> InputError:
    return InputError(
        "the class names cannot be used",
        where=str(path),
        found=found,
        expected=_EXPECTED,
        next_step="name each class once, as the folders of pictures do",
    )
