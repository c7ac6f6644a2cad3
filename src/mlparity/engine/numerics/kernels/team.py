"""A compiled body on the threads of PyTorch's own pool, which wait busily: those of another pool would have no core.

A job has pieces; threads have as many of them each, neighbours, the first ones the first thread: so a thread finds in
its cache what it made one job before.

What a body takes for granted, and nothing checks while it runs: each address of a job stays valid, and its array in
place, until the call returns, so the caller holds the tensors; arrays are as large as the job's sizes say, and what a
body writes overlaps nothing that it reads; a result is whole once the call returns. A body raises nothing and takes no
lock. Where its threads meet, each arrives equally often, all of them were started together by OpenMP, and one that
waits for long gives way. `tests/engine/numerics/guarded.py` runs bodies between pages that nobody may touch.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from struct import Struct
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mlparity.engine.numerics.kernels.compiled import compiled

PATIENCE = 100_000
"""How often a thread looks before it gives way to others: about 50 microseconds, and a step takes a few."""

WORD = ir.IntType(64)


def record(*names: str) -> np.dtype[Any]:
    """Return the type of a job: 64-bit integers with these names, after those that every job has.

    `arrived` counts threads that meet, `pieces` is what they share. `number_at`, `size_at` and `give_way` are addresses
    of functions, see `OpenMP`; where they are 0, `number` and `size` say which thread this is, and of how many.
    """
    every = ("arrived", "pieces", "number_at", "size_at", "give_way", "number", "size")
    return np.dtype([(name, np.int64) for name in (*every, *names)])


@intrinsic
def _called(_typing, _address):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Return what the C function at this address returns, an int; it takes nothing."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        return builder.sext(builder.call(builder.inttoptr(values[0], kind.as_pointer()), []), WORD)

    return types.int64(types.intp), build


@intrinsic
def _arrive(_typing, _data):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Count one more thread that has arrived at the job at this address, and let it see what was written before."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        count = builder.bitcast(values[0], WORD.as_pointer())
        return builder.atomic_rmw("add", count, ir.Constant(WORD, 1), "acq_rel")

    return types.int64(types.voidptr), build


@intrinsic
def _arrived(_typing, _data):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Return how many threads have arrived, and see all that they wrote before."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.load_atomic(builder.bitcast(values[0], WORD.as_pointer()), "acquire", 8)

    return types.int64(types.voidptr), build


@compiled
def number_and_size(job):
    """Return this thread's number, and how many threads do the job."""
    if job.number_at == 0:
        return job.number, job.size
    return _called(job.number_at), _called(job.size_at)


@compiled
def pieces_of(job):
    """Return this thread's pieces of the job: the first, and the one after its last."""
    number, size = number_and_size(job)
    return job.pieces * number // size, job.pieces * (number + 1) // size


@compiled
def meet(data, job, arrivals):
    """Wait until the threads of a job, which is at the address `data`, have arrived so often, all together."""
    _arrive(data)
    rounds = 0
    while _arrived(data) < arrivals:
        rounds += 1
        if rounds > PATIENCE:
            _called(job.give_way)


@dataclass(frozen=True, slots=True)
class OpenMP:
    """The OpenMP that PyTorch has loaded: GNU's entry to it, and where its functions are.

    `addresses` are those of `omp_get_thread_num`, `omp_get_num_threads` and of `sched_yield`.
    """

    fork: Callable[[int, Any, int, int], None]
    addresses: tuple[int, int, int]


@cache
def openmp() -> OpenMP | None:
    """Return it, None where PyTorch has another (assumed: off Linux)."""
    names = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads", "sched_yield")
    try:
        fork, *others = (getattr(ctypes.CDLL(None), name) for name in names)
    except (AttributeError, OSError, TypeError):
        return None
    fork.argtypes, fork.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None
    number, size, give_way = (int(ctypes.cast(other, ctypes.c_void_p).value or 0) for other in others)
    return OpenMP(fork, (number, size, give_way))


class Task:
    """A compiled body that does jobs of one type; its pieces are shared by PyTorch's threads."""

    def __init__(self, body: Any, kind: np.dtype[Any], *, in_step: bool = False) -> None:
        """Take a body that is called with a job's address, the type of its jobs, and whether its threads meet.

        Where they meet and there is no OpenMP, which starts them together, one thread works alone.
        """
        count = len(kind.names or ())
        self._packing, self._memory, self._in_step = Struct(f"={count}q"), ctypes.c_int64 * count, in_step
        self._address, self._body = body.address, ctypes.CFUNCTYPE(None, ctypes.c_void_p)(body.address)

    def __call__(self, threads: int, pieces: int, *numbers: int) -> None:
        """Do a job of so many pieces by at most so many threads; `numbers` are the rest of its record."""
        wanted, rest = min(threads, pieces), (pieces, *numbers)
        known = openmp() if wanted > 1 else None
        if known is not None:
            known.fork(self._address, self._job(known.addresses, 0, 1, rest), wanted, 0)
        elif wanted < 2 or self._in_step:
            self._alone(rest, 1, 0)
        else:
            list(_pool(wanted).map(partial(self._alone, rest, wanted), range(wanted)))

    def _alone(self, rest: Sequence[int], size: int, number: int) -> None:
        self._body(self._job((0, 0, 0), number, size, rest))

    def _job(self, addresses: tuple[int, ...], number: int, size: int, rest: Sequence[int]) -> Any:
        pieces, *numbers = rest
        return self._memory.from_buffer_copy(self._packing.pack(0, pieces, *addresses, number, size, *numbers))


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

    known = openmp()
    if known is None:
        list(_pool(len(calls)).map(take, range(len(calls))))
    else:
        body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(take)
        known.fork(ctypes.cast(body, ctypes.c_void_p).value or 0, None, len(calls), 0)
    if raised:
        raise raised[0]


def _raised_by(call: Callable[[], object]) -> list[BaseException]:
    try:
        call()
    except BaseException as error:  # said by the thread that waits for all
        return [error]
    return []


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="mlparity-kernel")
