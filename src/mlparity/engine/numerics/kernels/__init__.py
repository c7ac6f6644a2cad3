"""Exact accumulators, compiled by numba.

Numba keeps a compiled kernel by the date of its own file, but a kernel also holds what it calls in other files. What
was compiled before the newest of these files is therefore forgotten here, before a kernel is loaded.
"""

from __future__ import annotations

import contextlib
from pathlib import Path


def forget_older(folder: Path) -> None:
    """Delete the compiled kernels in the cache of `folder` that are older than any of its sources.

    A folder that cannot be written is left as it is: nobody edits sources there.
    """
    with contextlib.suppress(OSError):
        newest = max((source.stat().st_mtime for source in folder.glob("*.py")), default=0.0)
        for compiled in (folder / "__pycache__").glob("*.nb[ci]"):
            if compiled.stat().st_mtime < newest:
                compiled.unlink(missing_ok=True)


forget_older(Path(__file__).parent)
