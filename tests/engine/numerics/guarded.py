"""Kernels on arrays between pages that nobody may touch; a process of its own, which a stray access ends by a signal.

Usage: python -m tests.engine.numerics.guarded {sums,places,matrices,beyond}
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.kernels import sequential
from mlparity.engine.numerics.kernels.fp16_tile import FACTOR
from mlparity.engine.numerics.kernels.vectors import ROWS
from mlparity.engine.numerics.lines import peak_of
from mlparity.engine.runtime.optimised.multiply import Blocks, Rows, blocks_of, multiply

_KEPT: list[mmap.mmap] = []


def guarded(array: NDArray[Any], at_end: bool) -> NDArray[Any]:
    """Return a copy whose last byte, or first, lies beside a page without access."""
    page = mmap.PAGESIZE
    pages = -(-max(array.nbytes, 1) // page)
    memory = mmap.mmap(-1, (pages + 2) * page)
    _KEPT.append(memory)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for start in (begin, begin + (pages + 1) * page):
        if libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(page), 0) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = page + (pages * page - array.nbytes if at_end else 0)
    held = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    held[...] = array
    return held


def sums(at_end: bool) -> None:
    """Sum lines of many lengths, for one row and for tiles, with one lane and with eight."""
    rng = np.random.default_rng(0)
    for rows, length, columns, lanes in ((1, 1, 1, 1), (ROWS, 7, 16, 8), (13, 33, 17, 1), (7, 64, 48, 8)):
        x = rng.standard_normal((rows, length)).astype(np.float16).astype(np.float32)
        w = rng.standard_normal((columns, length)).astype(np.float16).astype(np.float32)
        order = sequential.by_lanes(length, lanes)
        packed = sequential.packed(w[None, :, order], None)
        starts, offsets = np.arange(rows) * length, order
        arrays = (x * np.float32(FACTOR), starts, offsets)
        numbers, starts, offsets = (guarded(each, at_end) for each in arrays)
        blocks, largest, bias = (guarded(each[0], at_end) for each in (packed.blocks, packed.largest, packed.bias))
        out = guarded(np.full((rows, columns), np.nan, np.float32), at_end)
        flags = (packed.limit[0], sequential.TINY, lanes, True)
        sequential.multiply(numbers.reshape(-1), starts, offsets, False, blocks, largest, bias, *flags, out, 0, rows)
        assert np.allclose(out, x @ w.T, rtol=0.02, atol=0.05)


def places(at_end: bool) -> None:
    """Convolve to few results, where the last sixteen places end with the image."""
    rng = np.random.default_rng(0)
    for size, kernel in (((1, 3, 8, 8), 1), ((2, 2, 9, 11), 3), ((1, 1, 5, 13), 1)):
        x, w = (rng.standard_normal(shape).astype(np.float16) for shape in (size, (2, size[1], kernel, kernel)))
        held, weight = torch.from_numpy(guarded(x.astype(np.float32), at_end)), torch.from_numpy(w.astype(np.float32))
        for kind in (FixedPoint(), SequentialFp16(), SequentialFp16(lanes=8)):
            found = kind.by_places(held, peak_of(held), (weight, None), (1, 1))
            assert found is not None
            assert torch.allclose(found, torch.conv2d(held, weight), rtol=0.02, atol=0.05)


def matrices(at_end: bool) -> None:
    """Multiply fp32 matrices whose sizes fill no tile, on one thread and on two."""
    rng = np.random.default_rng(0)
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for rows, length, columns in ((1, 1, 1), (5, 3, 17), (13, 33, 47), (64, 16, 33)):
            x, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((rows, length), (length, columns)))
            held, other = (torch.from_numpy(guarded(each, at_end)) for each in (x, y))
            blocks = blocks_of(other[None, None])
            numbers, bias = (torch.from_numpy(guarded(each.numpy(), at_end)) for each in (blocks.numbers, blocks.bias))
            out = torch.from_numpy(guarded(np.full((rows, columns), np.nan, np.float32), at_end))
            limits = torch.from_numpy(guarded(np.array([-np.inf, np.inf], np.float32), at_end))
            multiply(Rows(held.data_ptr(), rows), length, Blocks(numbers, bias, columns), limits, False, out)
            assert np.allclose(out.numpy(), x @ y, atol=1e-4)


def beyond(at_end: bool) -> None:
    """Read one number beyond an array, as no kernel may: the process has to end."""
    held = guarded(np.zeros(4, np.float32), at_end)
    place = held.ctypes.data + (16 if at_end else -4)
    assert ctypes.c_float.from_address(place).value is not None


if __name__ == "__main__":
    for side in (True, False):
        {"sums": sums, "places": places, "matrices": matrices, "beyond": beyond}[sys.argv[1]](side)
