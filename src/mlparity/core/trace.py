"""What a source computed on one sample, op by op."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    and constants have none. `call` is its position among all ops of the run, also those that are not kept; -1 where
    that is not known. `settings` are its arguments that are no tensors, by name. `is_write` tells that it writes into
    a tensor that it is given. `answer` is the number that Python got of a tensor, None for every other op.
    """

    origin: Origin
    inputs: tuple[int, ...]
    results: tuple[tuple[int, np.ndarray], ...]
    call: int = -1
    settings: Mapping[str, object] = field(default_factory=dict)
    is_write: bool = False
    answer: float | None = None


@dataclass(frozen=True, slots=True)
class FirstOps:
    """Where a source first does what an artifact does not: the ops, by origin, and the calls that come into question.

    `spans` has for each op the call that made the last of what it reads, and its own: a write through a view lies
    between the two, and no op reads its result by number.
    """

    origins: frozenset[str]
    spans: tuple[tuple[int, int], ...] = ()

    def covers(self, calls: frozenset[int]) -> bool:
        """Tell whether all of some calls come into question."""
        return all(any(first < call <= last for first, last in self.spans) for call in calls)


def first_of(trace: SourceTrace, ops: Sequence[TracedOp], known: frozenset[int]) -> FirstOps:
    """Return those of `ops` that read nothing which one of them made, but for values that are known."""
    made = frozenset(number for op in ops for number, _ in op.results) - known
    first = [op for op in ops if not made.intersection(op.inputs)]
    calls = {number: op.call for op in trace.ops for number, _ in op.results}
    spans = tuple((max((calls.get(number, -1) for number in op.inputs), default=-1), op.call) for op in first)
    return FirstOps(frozenset(str(op.origin) for op in first), spans)


@dataclass(frozen=True, slots=True, eq=False)
class SourceTrace:
    """The ops of one run in order; `inputs` and `outputs` are (name, number) of values, with the inputs' own arrays."""

    ops: Sequence[TracedOp]
    inputs: tuple[tuple[str, int, np.ndarray], ...]
    outputs: tuple[tuple[str, int], ...]
