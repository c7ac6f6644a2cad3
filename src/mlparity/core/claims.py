"""Folders for work beside what it will replace, each with a claim that the system gives up when its process ends.

After `kill -9` nobody cleans up, so the next command does; what a living process, on this machine or another one that
shares the disk, still works on is never touched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from mlparity.core.regular_files import open_regular

try:
    import fcntl
except ImportError:  # Windows: nothing is claimed, and nothing is taken for abandoned
    fcntl = None  # type: ignore[assignment]

_TEXT = "mlparity works here; process "


_NAME = "claim"


@contextmanager
def work_beside(path: Path) -> Iterator[Path]:
    """Yield a new folder `.NAME.*` in the folder of `path`; it is removed when the block ends.

    Raises:
        OSError: it cannot be made.
    """
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with _claiming(work / _NAME):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def abandoned_work(path: Path) -> tuple[Path, ...]:
    """Return the folders of `work_beside(path)` whose processes have ended without removing them."""
    found = path.parent.glob(f".{escape(path.name)}.*")
    return tuple(work for work in found if not work.is_symlink() and _is_abandoned(work / _NAME))


@contextmanager
def _claiming(path: Path) -> Iterator[None]:
    """Hold the new file at `path` inside the `with` block, and remove it at its end."""
    # Claimed before it has its name, so that nobody ever finds it without its owner.
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        os.write(descriptor, f"{_TEXT}{os.getpid()}\n".encode())
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        beside.rename(path)
        yield
    finally:
        for file in (beside, path):
            file.unlink(missing_ok=True)
        os.close(descriptor)


def _is_abandoned(path: Path) -> bool:
    if fcntl is None:
        return False
    try:
        with open_regular(path, follow=False, limit=len(_TEXT) + 32) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file.read().startswith(_TEXT.encode())
    except OSError:
        return False
