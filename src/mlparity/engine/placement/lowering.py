"""How the Neural Engine's compiler lowers a dilated convolution, as far as compute plans show it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mlparity.engine.mil.program import Op
from mlparity.engine.placement.gates import generation_of, limits
from mlparity.engine.placement.known import Known


@dataclass(frozen=True, slots=True)
class SpaceToBatch:
    """One axis of a dilated convolution that needs space-to-batch: its dilation, and its length once lowered."""

    dilation: int
    width: int


def space_to_batches(op: Op, known: Known, chip: str) -> Iterator[SpaceToBatch]:
    """Yield the axes of `op` that need it: dilated ones whose kernel spans more than the engine's widest.

    The axis is padded to a multiple of the dilation. A kernel that spans less is taken as it is, with zeros between
    (assumed: no plan shows one of them elsewhere).
    """
    dilations = known.numbers(op, "dilations") if op.type == "conv" else None
    if dilations is None:
        return
    widest = limits()["kernel_width"].most[generation_of(chip)]
    kernel, lengths = known.shape(op, "weight")[2:], known.shape(op, "x")[2:]
    for size, dilation, length in zip(kernel, dilations.ravel().tolist(), lengths, strict=False):
        if size and length and dilation > 1 and (size - 1) * dilation + 1 > widest:
            yield SpaceToBatch(dilation, math.ceil(length / dilation) * dilation)
