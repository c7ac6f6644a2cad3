"""Files that appear whole or not at all: written beside, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlparity.core.errors import OutputError
from mlparity.core.regular_files import reason_of


@contextmanager
def written_beside(path: Path, what: str = "the file") -> Iterator[Path]:
    """Yield a name beside `path` to write to; when the block ends well, what is there replaces `path`.

    The permissions of a file that is replaced are kept. If the block raises, nothing of it remains.

    Raises:
        OutputError: `what` cannot be written; what was there before is left as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except OSError as error:
        raise OutputError(
            f"{what} cannot be written",
            where=str(path),
            found=reason_of(error),
            next_step="free some space, or choose another path with --out",
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """Replace or create a file in one step, keeping the permissions of the one that it replaces.

    Raises:
        OutputError: the file cannot be written; what was there before is left as it was.
    """
    with written_beside(path) as beside:
        beside.write_bytes(data)
