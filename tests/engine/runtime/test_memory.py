"""Freed memory stays with the process, where the C library is glibc."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PAGES = """
import resource, sys, torch
from mlparity.engine.runtime.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def fill():
    pair = [torch.ones(3_000_000) for _ in range(4)]
for _ in range(3):
    fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def new_pages(mode: str) -> int:
    command = [sys.executable, "-W", "ignore", "-c", PAGES, mode]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way")
def test_freed_memory_is_used_again_without_new_pages() -> None:
    assert new_pages("kept") < new_pages("as it is") / 10
