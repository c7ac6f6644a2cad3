"""A value of a network on its way into a program: its name there, its type, and what is known of it before a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from torch import Tensor

from mlparity.engine.mil.program import Argument, Name, TensorType

FLOW = "fp16"
"""The MIL type of what flows through a network: GPU and Neural Engine hold it in fp16, the CPU in fp32.

Source: https://apple.github.io/coremltools/docs-guides/source/typed-execution.html (neural networks).
"""

EXACT = "fp32"
"""The MIL type of floating values that no unit narrows: inputs as they come, and numbers made of shapes (assumed)."""

FLOATS = (FLOW, EXACT)

Trial = Tensor | None
"""A value in one trial of the input sizes: with its numbers, as a shape alone (on torch's "meta"), or unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """A value of a network: how ops refer to it, its type, and what it is in each trial of the input sizes.

    `is_number` marks an array of one element that stands for a number: an axis that it is given is its first.
    """

    argument: Argument
    type: TensorType
    trials: tuple[Trial, ...]
    is_number: bool = False

    @property
    def is_known(self) -> bool:
        """Whether its numbers are known before a run."""
        return all(each is not None and not getattr(each, "is_meta", False) for each in self.trials)

    @property
    def name(self) -> str:
        """Its name, "" for a constant."""
        return self.argument.name if isinstance(self.argument, Name) else ""

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """Its sizes, None for one that differs from run to run; None where even the rank is not known."""
        return self.type.shape

    def shaped(self, shape: tuple[int | None, ...] | None) -> Self:
        """Return the value with a shape, as far as no trial contradicts it, where its own is not known."""
        known = [tuple(each.shape) for each in self.trials if each is not None]
        if shape is None or any(
            len(each) != len(shape) for each in (*known, *([] if self.shape is None else [self.shape]))
        ):
            return self
        sizes = tuple(None if any(each[axis] != size for each in known) else size for axis, size in enumerate(shape))
        own = (None,) * len(shape) if self.shape is None else self.shape
        merged = tuple(other if size is None else size for size, other in zip(own, sizes, strict=True))
        return replace(self, type=TensorType(self.type.dtype, merged))
