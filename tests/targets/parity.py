"""Converts a module, runs source and artifact on one sample, and measures the difference against what fp32 allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from mlparity.compare.align import same_shape
from mlparity.core.errors import ExecutionError
from mlparity.core.session import Outputs, Sample
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit
from mlparity.sessions import torch as torch_backend
from mlparity.sessions.checked import run_checked
from mlparity.targets.coreml import session as coreml_backend
from mlparity.targets.coreml.convert import Conversion, CoremlOptions, convert, save
from tests.loading import load_source

OF_SCALE = 2e-6
"""The difference that fp32 allows, of an output's scale; or twice the source's own noise, where that is larger."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How an artifact agrees: `excess` is the largest difference over what fp32 allows, so that 1 is the bound."""

    conversion: Conversion
    excess: float
    worst: str
    max_abs: float


def parity_of(module: nn.Module, sample: Sample, folder: Path, options: CoremlOptions | None = None) -> Parity:
    """Convert, run and compare; outputs of other shapes, or not finite where the source's are, count as infinite."""
    source = load_source(module, sample)
    conversion = convert(source, sample, options)
    save(conversion, folder / "model.mlpackage")
    wanted, wide = _run_source(source, sample, double=False), _wide(source, sample)
    with coreml_backend.open_package(folder / "model.mlpackage", ComputeUnit.CPU_ONLY) as session:
        found = run_checked(session, sample)
    rows = [(_excess(wanted[name], found[name], wide.get(name)), name) for name in source.output_names]
    (excess, max_abs), worst = max(rows)
    return Parity(conversion, excess, worst, max_abs)


def _wide(source: Source, sample: Sample) -> Outputs:
    try:
        return _run_source(source, sample, double=True)
    except ExecutionError:
        return {}  # some sources mix in fp32 and cannot run in fp64; then their noise is not known


def _run_source(source: Source, sample: Sample, *, double: bool) -> Outputs:
    with torch_backend.open(source, double=double) as session:
        return run_checked(session, sample)


def _excess(wanted: np.ndarray, found: np.ndarray, wide: np.ndarray | None) -> tuple[float, float]:
    finite = np.isfinite(wanted)
    if not same_shape(wanted.shape, found.shape) or not np.array_equal(
        finite, np.isfinite(found).reshape(finite.shape)
    ):
        return float("inf"), float("inf")
    difference = _largest(found.astype(np.float64).reshape(wanted.shape) - wanted, finite)
    noise = 0.0 if wide is None else _largest(wide.astype(np.float64) - wanted, finite)
    allowed = max(OF_SCALE * _largest(wanted.astype(np.float64), finite), 2 * noise)
    if difference == 0:
        return 0.0, 0.0
    return (difference / allowed if allowed else float("inf")), difference


def _largest(values: np.ndarray, finite: np.ndarray) -> float:
    return float(np.abs(values[finite]).max(initial=0.0))
