"""A compiled body on the threads of PyTorch's own pool, which wait busily: those of another pool would have no core.

A job is a record whose first two numbers are the next part and the number of parts. Threads take the next part when
they are done with one, so that it does not matter how fast each of them is.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

Job = NDArray[np.void]
"""One record: of 64-bit integers, the first of them `next` and `parts`."""


def job_type(*names: str) -> np.dtype[Any]:
    """Return the type of a job's record with these numbers, after `next` and `parts`."""
    return np.dtype([(name, np.int64) for name in ("next", "parts", *names)])


@intrinsic
def next_part(_typing, _data):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Return the number of the next part of the job at this address, and count it as taken, whole for all threads."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        count = builder.bitcast(values[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", count, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(types.voidptr), build


def run(body: Any, job: Job) -> None:
    """Call the compiled `body` with the job's address, on as many threads as PyTorch uses and there are parts."""
    wanted = min(torch.get_num_threads(), int(job["parts"]))
    address, data = body.address, job.ctypes.data
    if wanted < 2:
        _plain(address)(data)
        return
    fork = _openmp()
    if fork is not None:
        fork(address, data, wanted, 0)
        return
    list(_pool(wanted).map(lambda _: _plain(address)(data), range(wanted)))


@cache
def _plain(address: int) -> Callable[[int], None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)


@cache
def _openmp() -> Callable[[int, int, int, int], None] | None:
    """Return GNU's entry to the OpenMP that PyTorch has loaded, None where it has another (assumed: off Linux)."""
    try:
        fork = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):
        return None
    fork.argtypes, fork.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    return fork  # type: ignore[no-any-return]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="mlparity-kernel")
