"""How kernels are compiled: without Python's lock, and kept on disk where that is possible.

Numba takes the folder of the source, that of NUMBA_CACHE_DIR or the user's own cache. Where none of them can be
written, as in a container whose user has no home, it refuses to keep a kernel: then each process compiles its own.
"""

from __future__ import annotations

from numba import cfunc, njit, types


def _probe() -> None:
    """Do nothing: only to be kept or not."""


def _keeps() -> bool:
    try:
        njit(cache=True)(_probe)
    except RuntimeError:
        return False
    return True


KEEPS = _keeps()

compiled = njit(nogil=True, cache=KEEPS)
"""Decorates a kernel, or what kernels call."""

task_body = cfunc(types.void(types.voidptr), cache=KEEPS)
"""Decorates the body of a `team.Task`; it is compiled at once."""
