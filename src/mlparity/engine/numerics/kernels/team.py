"""A compiled body on the threads of PyTorch's own pool, which wait busily: those of another pool would have no core.

A job is a record whose first two numbers are the next part and the number of parts. Threads take the next part when
they are done with one, so that it does not matter how fast each of them is.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from struct import Struct
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mlparity.engine.numerics.kernels.compiled import compiled

PATIENCE = 100_000
"""How often a thread looks before it gives way to others: about 50 microseconds, and a step takes a few."""


def record(*names: str) -> np.dtype[Any]:
    """Return the type of a job: 64-bit integers with these names, after `next` and `parts`."""
    return np.dtype([(name, np.int64) for name in ("next", "parts", *names)])


@intrinsic
def next_part(_typing, _data):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Return the number of the next part of the job at this address, and count it as taken, whole for all threads."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        count = builder.bitcast(values[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", count, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(types.voidptr), build


@intrinsic
def _called(_typing, _address):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Return what the C function at this address returns, an int; it takes nothing."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        return builder.sext(builder.call(builder.inttoptr(values[0], kind.as_pointer()), []), ir.IntType(64))

    return types.int64(types.intp), build


@intrinsic
def _taken(_typing, _data):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Return how often `next_part` was called, and see all that was written before."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.load_atomic(builder.bitcast(values[0], ir.IntType(64).as_pointer()), "acquire", 8)

    return types.int64(types.voidptr), build


@compiled
def number_and_size(thread_number, team_size):
    """Return this thread's number in its team, and the team's size, by OpenMP's functions at these addresses."""
    if team_size == 0:
        return 0, 1
    return _called(thread_number), _called(team_size)


@compiled
def meet(data, arrivals, give_way):
    """Wait until the threads that work in step have arrived so often, all together, at the job at this address."""
    next_part(data)
    rounds = 0
    while _taken(data) < arrivals:
        rounds += 1
        if rounds > PATIENCE:
            _called(give_way)


class Task:
    """A compiled body that does jobs of one type; its parts are done by as many of PyTorch's threads as there are."""

    def __init__(self, body: Any, kind: np.dtype[Any]) -> None:
        """Take a body that is called with a job's address, and the type of its jobs."""
        count = len(kind.names or ())
        self._packing, self._memory = Struct(f"={count}q"), ctypes.c_int64 * count
        self._address, self._body = body.address, ctypes.CFUNCTYPE(None, ctypes.c_void_p)(body.address)

    def __call__(self, parts: int, *numbers: int) -> None:
        """Do a job of so many parts; `numbers` are the rest of its record."""
        job = self._memory.from_buffer_copy(self._packing.pack(0, parts, *numbers))
        wanted = min(torch.get_num_threads(), parts)
        if wanted < 2:
            self._body(job)
            return
        fork = _openmp()
        if fork is not None:
            fork(self._address, job, wanted, 0)
            return
        list(_pool(wanted).map(lambda _: self._body(job), range(wanted)))


def in_team(calls: Sequence[Callable[[], object]]) -> None:
    """Call functions of Python, which should release its lock, on the threads of the team; raise what one raised.

    Raises:
        BaseException: whatever a call raised, the first of them.
    """
    left, raised = deque(calls), list[BaseException]()

    def take(_: int | None) -> None:
        while left:
            with suppress(IndexError):  # another thread may take the last one
                raised.extend(_raised_by(left.popleft()))

    fork = _openmp()
    if fork is None:
        list(_pool(len(calls)).map(take, range(len(calls))))
    else:
        body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(take)
        fork(ctypes.cast(body, ctypes.c_void_p).value or 0, None, len(calls), 0)
    if raised:
        raise raised[0]


def _raised_by(call: Callable[[], object]) -> list[BaseException]:
    try:
        call()
    except BaseException as error:  # said by the thread that waits for all
        return [error]
    return []


@cache
def lockstep() -> tuple[int, int, int] | None:
    """Return the addresses of OpenMP's thread number and team size and of `sched_yield`, for threads that work in step.

    None where there is no OpenMP that `Task` could start them with: then one thread works alone.
    """
    if _openmp() is None:
        return None
    try:
        known = [
            getattr(ctypes.CDLL(None), name) for name in ("omp_get_thread_num", "omp_get_num_threads", "sched_yield")
        ]
    except AttributeError:
        return None
    number, size, give_way = (int(ctypes.cast(each, ctypes.c_void_p).value or 0) for each in known)
    return number, size, give_way


@cache
def _openmp() -> Callable[[int, Any, int, int], None] | None:
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
