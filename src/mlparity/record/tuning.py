"""What tuning found: which ops stay in fp32, what that costs and what it brings."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.words import Verdict
from mlparity.record.figures import OutputFigures


@dataclass(frozen=True, slots=True)
class KeptOp:
    """An op that computes in fp32.

    `name` and `type` are those of the MIL program. `by` is "tune", or "converter" if coremltools itself keeps the op in
    fp32.
    """

    name: str
    type: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One package that was tried: its verdict, the figures of its worst setting, its size, and its ops by precision."""

    verdict: Verdict
    outputs: tuple[OutputFigures, ...]
    size_bytes: int
    fp16_ops: int
    fp32_ops: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """The tuned package, and how it was found.

    `kept` lists the ops that stay in fp32; it is empty if plain fp16 passes the policy. `selector` is Python code for
    `coremltools.convert`. `before` is plain fp16, `after` the tuned package. `conversions` counts the packages that
    were made and checked. `sha256` is the package's digest, as a record names it; "" in older tunings.
    """

    package: str
    policy: str
    settings: tuple[str, ...]
    kept: tuple[KeptOp, ...]
    selector: str
    before: Tried
    after: Tried
    conversions: int
    sha256: str = ""
