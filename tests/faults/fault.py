"""One model of the corpus: a source, an artifact with at most one fault, and the right answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import nn

from mlparity.core.session import Sample
from mlparity.record.causes import CauseKind

Make = Callable[[nn.Module, Sample, Path], None]
"""Writes the artifact: given the source, a sample, and the path of the package."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`kinds` are the causes that count as right. `ops`: one of these has to be in the name or the origin of one of the
    first three ops; empty where the cause has no op.
    """

    name: str
    source: Callable[[], nn.Module]
    samples: Callable[[], list[Sample]]
    make: Make
    kinds: frozenset[CauseKind]
    ops: tuple[str, ...] = ()


def fault(
    name: str,
    source: Callable[[], nn.Module],
    samples: Callable[[], list[Sample]],
    make: Make,
    *kinds: CauseKind,
    ops: tuple[str, ...] = (),
) -> Fault:
    return Fault(name, source, samples, make, frozenset(kinds), ops)


def normal(*shape: int, scale: float = 1.0, shift: float = 0.0, count: int = 1, seed: int = 0) -> list[Sample]:
    random = np.random.default_rng(seed)
    return [{"x": (random.standard_normal(shape) * scale + shift).astype(np.float32)} for _ in range(count)]


def uniform(*shape: int, low: float = 0.0, high: float = 1.0, count: int = 1, seed: int = 0) -> list[Sample]:
    random = np.random.default_rng(seed)
    return [{"x": random.uniform(low, high, shape).astype(np.float32)} for _ in range(count)]


def fixed(values: object) -> list[Sample]:
    return [{"x": np.asarray(values, np.float32)}]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out for one fault."""

    name: str
    kind: CauseKind
    sentence: str
    ops: tuple[str, ...] = field(default=())
