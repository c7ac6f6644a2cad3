"""What a source computed on one sample, op by op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in a source a value comes from: the op's name, the module's dotted path, and `file.py:line`.

    A part that is not known is "". The path of the source itself is "".
    """

    op: str
    module: str = ""
    line: str = ""

    def __str__(self) -> str:
        """Print `aten.exp in head.act (model.py:31)`."""
        module = f" in {self.module}" if self.module else ""
        return f"{self.op}{module}{f' ({self.line})' if self.line else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class TracedOp:
    """One op of one run of the source: its origin, and its results by number.

    `inputs` holds the numbers of the values that it read, an earlier op's results or the source's inputs; parameters
    and constants have none.
    """

    origin: Origin
    inputs: tuple[int, ...]
    results: tuple[tuple[int, np.ndarray], ...]


@dataclass(frozen=True, slots=True, eq=False)
class SourceTrace:
    """The ops of one run in order; `inputs` and `outputs` are (name, number) of values, with the inputs' own arrays."""

    ops: Sequence[TracedOp]
    inputs: tuple[tuple[str, int, np.ndarray], ...]
    outputs: tuple[tuple[str, int], ...]
