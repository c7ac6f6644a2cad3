"""What an artifact shows of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlparity.core.session import TensorSpec


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an artifact contains.

    `kind` names the format. `ops` counts ops by type, and `text` is the program as text; both are empty if a runtime
    does not tell them. `eligible` says, for each chip, how many ops its Neural Engine can run; it is empty if our
    engine cannot run the artifact. `problem` then says why. `states` are what the artifact keeps between runs. `sizes`
    says, for an input that takes several shapes or may be left out, which they are and what it is by default.
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
    states: tuple[TensorSpec, ...] = ()
    sizes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_program(self) -> bool:
        """Whether our engine can read the program."""
        return bool(self.eligible)


@dataclass(frozen=True, slots=True)
class PlacedOp:
    """Whether the Neural Engine of a chip can run an op, and whether it does as the rules of placement say.

    `type` is the type of the op's first result. Of an op that runs elsewhere, `rule` names the rule that moves it,
    `reason` says what the rule found, and `evidence` is its source. `hazards` are what reports say of ops like it.
    """

    op: str
    location: str
    type: str
    eligible: bool
    reason: str
    evidence: str
    on_engine: bool = False
    rule: str = ""
    hazards: tuple[str, ...] = ()
