"""Memory that one run gives back, kept for the next."""

from __future__ import annotations

from functools import cache

import torch

_LARGEST = 32 * 2**20 - 2**16
"""Just below the largest block whose return glibc learns from."""


@cache
def keep_freed_memory() -> None:
    """Let the C library keep what a run frees: take one large block, untouched, and give it back; once a process.

    glibc asks the system for each block above a threshold, and for new pages each time: up to a third of a prediction
    (measured on x86, torch 2.13). The threshold grows to the largest such block that it was given back, at most 32 MiB
    on 64-bit systems, and twice as much is kept free from then on. Other libraries take no notice.
    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD and M_TRIM_THRESHOLD.
    """
    torch.empty(_LARGEST, dtype=torch.uint8)
