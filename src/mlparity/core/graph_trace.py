"""What an artifact computed on one sample, op by op."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class GraphOp:
    """One op of one run of an artifact: its type and name, and the names of the values that it reads and makes."""

    type: str
    name: str
    inputs: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GraphTrace:
    """The ops of one run in order, and its values by name: the inputs, the constants and what the ops made.

    A value that a runtime does not tell is absent. `inputs` and `outputs` are names of values by the source's names.
    `titles` are the names that values have in the artifact's file, where those are others.
    """

    ops: Sequence[GraphOp]
    values: Mapping[str, np.ndarray]
    constants: frozenset[str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    titles: Mapping[str, str] = field(default_factory=dict)
