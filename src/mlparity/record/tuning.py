"""What tuning found: which ops stay in fp32, what that costs and what it brings."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.words import Verdict
from mlparity.record.figures import OutputFigures


@dataclass(frozen=True, slots=True)
class KeptOp:
    """One op that computes in fp32: its name in the program, its MIL type, who keeps it there, and why.

    `by` is "tune", or "converter" where coremltools itself leaves the op in fp32.
    """

    name: str
    type: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One package: its verdict, the figures of its worst setting, its size, and how many ops compute in which type."""

    verdict: Verdict
    outputs: tuple[OutputFigures, ...]
    size_bytes: int
    fp16_ops: int
    fp32_ops: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """The tuned package and how it came to be; `selector` is Python code for `coremltools.convert`.

    `kept` is empty where plain fp16 holds the policy. `conversions` counts the packages that were made and checked.
    `sha256` is the package's digest, as a record names it; "" in tunings that were written before there was one.
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
