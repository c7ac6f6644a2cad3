"""Artifacts that take no sample as it is: whether they take it with its axes in another order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from mlparity.compare.align import align
from mlparity.core.errors import MlparityError
from mlparity.core.session import Outputs, Sample, SampleSet
from mlparity.core.source import Source
from mlparity.diagnose.distance import distance
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.sessions import torch as torch_session
from mlparity.sessions.checked import fits, fitted
from mlparity.targets.target import EngineSession
from mlparity.verification.explain_package import open_reference


def diagnose_misfit(cause: Cause, packages: Sequence[Path], source: Source, samples: SampleSet) -> Cause:
    """Return the cause of artifacts that take no sample as it is, where they take it with its axes in another order."""
    _, sample = next(iter(samples))
    for package in packages:
        try:
            with closing(open_reference(package, source.input_names)) as session:
                found = _other_layout(session, source, sample)
        except MlparityError:
            continue
        if found is not None:
            return found
    return cause


_LAYOUTS = {"NHWC": (0, 2, 3, 1), "NCHW": (0, 3, 1, 2)}
_ALIKE = 0.03
"""The distance, of the outputs' scale, up to which an artifact agrees once its input's axes are in order (assumed)."""


def _other_layout(session: EngineSession, source: Source, sample: Sample) -> Cause | None:
    for spec in session.signature.inputs:
        array = sample.get(spec.name, np.zeros(0))
        for name, axes in _LAYOUTS.items():
            if array.ndim != 4 or fits(array.shape, spec.shape) or not fits(array.transpose(axes).shape, spec.shape):
                continue
            ordered = {**sample, spec.name: np.ascontiguousarray(array.transpose(axes))}
            far = _apart(session.run(fitted(ordered, session.signature.inputs, session.runtime)), source, sample)
            if far <= _ALIKE:
                names = {"input": spec.name, "layout": name, "expected": str(spec.shape), "given": str(array.shape)}
                evidence = Evidence(Observation.INPUT_LAYOUT, {"difference": float(far)}, names)
                return Cause(CauseKind.PREPROCESSING, (evidence,))
    return None


def _apart(found: Outputs, source: Source, sample: Sample) -> float:
    with torch_session.open(source) as narrow:
        expected = narrow.run(sample)
    paired = align(expected, found)
    if not paired.pairs or paired.unlike or paired.problems:
        return np.inf
    ours = {mine: torch.from_numpy(expected[mine]) for mine, _ in paired.pairs}
    theirs = {mine: torch.from_numpy(found[other]) for mine, other in paired.pairs}
    return distance(theirs, ours)
