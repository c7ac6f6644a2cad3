"""Names that records and reports hold, which are UTF-8."""

from __future__ import annotations

from mlparity.core.errors import InputError


def checked_name(name: str, what: str) -> str:
    """Return `name`; `what` says in an error whose it is.

    Raises:
        InputError: it holds bytes that are no UTF-8, as a file's name may.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the name of {what} is not UTF-8",
            found=name.encode("utf-8", "backslashreplace").decode(),
            expected="a name that a record can hold",
            next_step="rename it",
        ) from error
    return name


def sample_called(name: str) -> str:
    """Return a sample's name in a sentence; those of a function's samples begin with the word already."""
    return name if name.startswith("sample ") else f"sample {name}"
