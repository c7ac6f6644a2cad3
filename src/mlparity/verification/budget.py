"""How many models of a verification are open at once, so that large ones fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import cast

from torch import nn

from mlparity.core.source import Source
from mlparity.verification.execute import ALONE, BlockSize

WIDE, EMULATED, PLAIN = 2, 3, 1
"""How often a model holds the source's weights in fp32: the source in fp64; a unit's exact sums, whose kernels take
three numbers for each weight (measured), and a quarter of one where columns are many; an artifact in another
arithmetic."""

_IN_TURN = BlockSize(32)
"""How many samples a model sees before it is closed for the next one (assumed: opening it is then little of it)."""


def weight_bytes(source: Source) -> int:
    """Return the size of the source's parameters and buffers in fp32."""
    module = cast("nn.Module", source.module)
    return 4 * sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))


def kept_open(needs: Sequence[int], budget: int) -> tuple[bool, ...]:
    """Return which of the models stay open between blocks: the first ones, as many as `budget` holds.

    The source in fp32 and the one model that runs are beside them.
    """
    return tuple(total <= budget for total in accumulate(needs))


def block_size(kept: Sequence[bool]) -> BlockSize:
    """Return the size of a block: one sample where all models stay open."""
    return ALONE if all(kept) else _IN_TURN
