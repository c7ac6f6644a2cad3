"""Freed memory stays with the process, where the C library is glibc."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

MAPPED = """
import ctypes, sys, torch
from mlparity.engine.runtime.memory import keep_freed_memory

class Usage(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]

usage = ctypes.CDLL(None).mallinfo2
usage.restype = Usage
if sys.argv[1] == "kept":
    keep_freed_memory()
before = usage().hblkhd
block = torch.empty(24 * 2**20, dtype=torch.uint8)
print(usage().hblkhd - before)
"""


def mapped(mode: str) -> int:
    """Return how many bytes of a block of 24 MiB came from the system rather than from memory that is kept."""
    command = [sys.executable, "-W", "ignore", "-c", MAPPED, mode]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="another C library keeps memory in its own way, and an older glibc does not tell",
)
def test_large_blocks_come_from_memory_that_is_kept() -> None:
    assert mapped("as it is") >= 24 * 2**20
    assert mapped("kept") == 0
