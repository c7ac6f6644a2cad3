"""What tuning of compression found: how each weight is stored, and sizes against figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlparity.core.words import Verdict


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """How one weight is stored: the name of its constant, its elements, the compression, and the damage expected of it.

    `compression` is "fp16" where it stays as it is. Units: `size_bytes` in bytes; `damage` is a mean square of the
    outputs over their scale, to first order.
    """

    name: str
    elements: int
    compression: str
    size_bytes: int
    damage: float


@dataclass(frozen=True, slots=True)
class SizedFigures:
    """A package that was tried: its name, its size, its verdict on the samples, and its worst figures there.

    `verified` and `verified_figures` are of the other half of the samples; None and empty where it was not run there.
    """

    name: str
    size_bytes: int
    searched: Verdict
    searched_figures: Mapping[str, float]
    verified: Verdict | None = None
    verified_figures: Mapping[str, float] | None = None

    @property
    def passes(self) -> bool:
        """Whether the policy holds on both halves."""
        return self.searched is Verdict.PASS and self.verified is Verdict.PASS


@dataclass(frozen=True, slots=True)
class CompressionTuning:
    """The smallest package that passes, and what else was tried.

    `package` is "" where no smaller one passes. `searched` and `verified` count the samples of both halves. `plain` is
    the package without compression, `uniform` those that store all weights alike, `mixed` those of the search. `best`
    is the package that was kept, None where there is none. `code` is Python for coremltools. `sha256` and
    `base_sha256` are the digests of the package and of the one that it is made of.
    """

    package: str
    base: str
    policy: str
    settings: tuple[str, ...]
    searched: int
    verified: int
    plain: SizedFigures
    uniform: tuple[SizedFigures, ...]
    mixed: tuple[SizedFigures, ...]
    best: SizedFigures | None
    layers: tuple[StoredLayer, ...]
    code: str
    sha256: str
    base_sha256: str
