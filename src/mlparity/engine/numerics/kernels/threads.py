"""Rows of a compiled kernel shared out over threads, as many as PyTorch uses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from mlparity.engine.numerics.kernels.team import in_team

LEAST_WORK = 200_000
"""Products below which a second thread costs more than it gains (measured on x86, 2 cores)."""


def over_rows(run: Callable[[int, int], None], rows: int, products_a_row: int, block: int) -> None:
    """Call `run(start, end)` for parts of `rows`, in threads; parts begin at multiples of `block`.

    `run` releases Python's lock, and writes only to its own rows. The result does not depend on the parts.
    """
    wanted = min(torch.get_num_threads(), max(1, rows * products_a_row // LEAST_WORK), -(-rows // block))
    if wanted < 2:
        run(0, rows)
        return
    size = -(-rows // (wanted * block)) * block
    starts = range(0, rows, size)
    in_team([partial(run, start, min(start + size, rows)) for start in starts])
