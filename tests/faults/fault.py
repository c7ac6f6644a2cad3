"""One model of the corpus: a source, an artifact with at most one fault, and the right answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mlparity.core.session import Sample

Make = Callable[[nn.Module, Sample, Path], None]
"""Writes the artifact: given the source, a sample, and the path of the package."""

COREML, LITERT, ONNX, COREAI = ".mlpackage", ".tflite", ".onnx", ".aimodel"


@dataclass(frozen=True, slots=True)
class Fault:
    """`kinds` are the causes that count as right, and no other may be named; `also` has to be named beside them.

    `ops`: one of these has to be in the name or the origin of one of the first three ops; empty where the cause has no
    op. `words` and `numbers` have to be in what is told: a module, a file and line, the values of both sides. `cure`
    says what makes the artifact right, "" where nothing here does.
    """

    name: str
    source: Callable[[], nn.Module]
    samples: Callable[[], list[Sample]]
    make: Make
    kinds: frozenset[str]
    ops: tuple[str, ...] = ()
    suffix: str = COREML
    also: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    cure: str = ""


def fault(
    name: str,
    source: Callable[[], nn.Module],
    samples: Callable[[], list[Sample]],
    make: Make,
    *kinds: str,
    ops: tuple[str, ...] = (),
    **others: Any,
) -> Fault:
    return Fault(name, source, samples, make, frozenset(map(str, kinds)), ops, **others)


def normal(*shape: int, scale: float = 1.0, shift: float = 0.0, count: int = 1, seed: int = 0) -> list[Sample]:
    random = np.random.default_rng(seed)
    return [{"x": (random.standard_normal(shape) * scale + shift).astype(np.float32)} for _ in range(count)]


def uniform(*shape: int, low: float = 0.0, high: float = 1.0, count: int = 1, seed: int = 0) -> list[Sample]:
    random = np.random.default_rng(seed)
    return [{"x": random.uniform(low, high, shape).astype(np.float32)} for _ in range(count)]


def fixed(values: object) -> list[Sample]:
    return [{"x": np.asarray(values, np.float32)}]


def line_of(function: Callable[..., object], text: str) -> str:
    """Return `file.py:line` of the first line of a function that has a text."""
    lines, first = inspect.getsourcelines(function)
    place = next(number for number, line in enumerate(lines) if text in line)
    return f"{Path(inspect.getfile(function)).name}:{first + place}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out for one fault: the causes, all that is told of them, the first ops, and what is contradicted."""

    name: str
    kinds: tuple[str, ...]
    text: str
    ops: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
