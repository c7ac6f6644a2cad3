"""A fact about a device: how well it is known, and where it is from."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.words import Confidence


@dataclass(frozen=True, slots=True)
class Fact:
    """One switch's value in words, how well it is known, and the evidence: ids in tests/evidence, or a source."""

    value: str
    confidence: Confidence
    evidence: tuple[str, ...] = ()
