"""The one way to open a file that somebody named: an ordinary file within a bound, or a typed error.

A FIFO blocks whoever opens it, a device never ends, and a folder or a socket fails in words of the system. So a file
is looked at before it is opened, is opened without waiting, and is looked at again through its descriptor: what lies
at a path may be exchanged in between.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from mlparity.core.errors import FormatError

SMALL = 16 * 2**20
"""A bound for what people write by hand or we write for them, in bytes: policies, manifests, recipes, metadata."""

MEDIUM = 2**28
"""A bound for what programs write and we parse whole, in bytes: records, checkpoints, placements, user code's files."""

PIECE = 2**24
"""How many bytes are read at once."""

LARGE = 2**31
"""A bound for a spec, in bytes: protobuf reads no more than 2 GiB."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)
_FLAGS = ("O_RDONLY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY")


class NotRegularError(FormatError, OSError):
    """What lies at a path is no ordinary file, or is larger than its reader takes.

    It is an `OSError` too: a reader that says in its own words which file could not be read catches both alike.
    """

    def __init__(self, path: Path, found: str, expected: str = "an ordinary file") -> None:
        """Say what was found, as the system does in `strerror`."""
        super().__init__("a file cannot be read", where=str(path), found=found, expected=expected)
        self.strerror = f"{found}; expected {expected}"

    def __str__(self) -> str:
        return self._text()


def reason_of(error: OSError) -> str:
    """Return why a file could not be read, in the system's words and without the path."""
    return error.strerror if error.strerror is not None else str(error)


def open_regular(path: Path, *, limit: int | None = None, follow: bool = True) -> BufferedReader:
    """Return the file at `path`, open for reading; it never waits, whatever lies there.

    Args:
        path: where it is.
        limit: the largest size, in bytes.
        follow: whether it may be a link; for a path that was resolved before, in which a link is new.

    Raises:
        NotRegularError: it is a folder, a FIFO, a socket or a device, or is larger than `limit`.
        OSError: it is not there or may not be read.
    """
    check_regular(path, limit=limit)
    descriptor = os.open(path, _open_flags() | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    try:
        _check(path, os.fstat(descriptor), limit)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, *, limit: int) -> bytes:
    """Return the bytes of the file at `path`; no more than `limit` are ever read.

    Raises:
        NotRegularError: it is no ordinary file, or holds more than `limit` bytes.
        OSError: it is not there or may not be read.
    """
    with open_regular(path, limit=limit) as file:
        # a file may grow, and one of /proc gives its size as 0; one read of `limit` would ask for memory for all of it
        pieces, left = [], limit + 1
        while left > 0 and (piece := file.read(min(left, PIECE))):
            pieces.append(piece)
            left -= len(piece)
    data = b"".join(pieces)
    if len(data) > limit:
        raise _too_large(path, "more bytes than its size says", limit)
    return data


def check_regular(path: Path, *, limit: int | None = None) -> Path:
    """Return `path`, once it is known to be an ordinary file: for libraries that open a path themselves.

    Raises:
        NotRegularError: it is no ordinary file, or is larger than `limit`.
        OSError: it is not there or may not be looked at.
    """
    try:
        found = path.stat()
    except ValueError as error:
        raise NotRegularError(path, str(error), "a name that a file can have") from error
    _check(path, found, limit)
    return path


def check_members(folder: Path) -> tuple[Path, ...]:
    """Return the files below `folder` in order of their paths, once each is known to be an ordinary file in it.

    Models are such folders, and somebody else may have filled them: a link that leads outside would let a model read,
    and a copy of it carry, what is not the model's. A link to another file of the folder is one.

    Raises:
        NotRegularError: a FIFO, a socket, a device, a link that leads outside or nowhere, or a link to a folder.
        OSError: something may not be looked at.
    """
    try:
        home, found = folder.resolve(), []
    except RuntimeError as error:  # before Python 3.13
        raise NotRegularError(folder, "a circle of links", "a folder") from error
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        entries = [Path(parent, name) for name in (*folders, *names)]
        for link in (entry for entry in entries if entry.is_symlink()):
            _check_link(link, home)
        found += [check_regular(entry) for entry in entries if not entry.is_dir()]
        for strange in (entry for entry in entries if "\n" in entry.name):  # digests list a name a line
            raise NotRegularError(strange, "a name with a line break")
    return tuple(sorted(found))


def _check_link(link: Path, home: Path) -> None:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # before Python 3.13 a circle of links is no OSError
        raise NotRegularError(link, "a link that leads nowhere") from error
    if not target.is_relative_to(home):
        raise NotRegularError(link, "a link that leads outside of the model", "a path below the model")
    if target.is_dir():
        raise NotRegularError(link, "a link to a folder")


def _refuse(error: OSError) -> None:
    raise error


def _check(path: Path, found: os.stat_result, limit: int | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        kinds = (text for is_kind, text in _KINDS if is_kind(found.st_mode))
        raise NotRegularError(path, next(kinds, "no ordinary file"))
    if limit is not None and found.st_size > limit:
        raise _too_large(path, f"{found.st_size:,} bytes", limit)


def _too_large(path: Path, found: str, limit: int) -> NotRegularError:
    return NotRegularError(path, found, f"an ordinary file of at most {limit:,} bytes")


def _open_flags() -> int:
    flags = 0
    for name in _FLAGS:
        flags |= getattr(os, name, 0)  # Windows has some of them, other systems the rest
    return flags
