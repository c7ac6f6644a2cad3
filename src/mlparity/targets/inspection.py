"""What an artifact shows of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlparity.core.session import TensorSpec


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `inspect_artifact` found; `kind` names the format.

    `ops` counts the ops by their names in the artifact; it is empty, as is `text`, where a runtime does not tell them.
    `eligible` tells by chip how many of the ops its Neural Engine can take, and is empty where our engine does not run
    the artifact. `problem` says why it cannot, and is "" where it can.
    """

    path: Path
    kind: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    ops: Mapping[str, int]
    text: str
    metadata: Mapping[str, str]
    facts: Mapping[str, str]
    problem: str = ""
    eligible: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_program(self) -> bool:
        """Whether it is a program that our engine reads."""
        return bool(self.eligible)


@dataclass(frozen=True, slots=True)
class PlacedOp:
    """Whether the Neural Engine of a chip can take an op, and why not; `type` is that of its first result."""

    op: str
    location: str
    type: str
    eligible: bool
    reason: str
    evidence: str
