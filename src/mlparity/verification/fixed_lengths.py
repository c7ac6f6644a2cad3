"""Whether a length of an input is fixed in an artifact that takes any: both sides are run at other lengths."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from mlparity.compare.align import align
from mlparity.core.errors import MlparityError
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.diagnose.distance import distance
from mlparity.diagnose.lengths import agreed_length, cause_of_length, parting_line, parting_number
from mlparity.engine.runtime.plan import Plan
from mlparity.record.causes import Cause
from mlparity.sessions import torch as torch_session
from mlparity.sessions.checked import fitted
from mlparity.sessions.torch_lines import lines_of
from mlparity.sessions.torch_trace import trace_source
from mlparity.targets.target import EngineSession

_TRIED = 8
"""How many lengths below, and above, the sample's are tried (assumed)."""


def fixed_length(plan: Plan, session: EngineSession, source: Source, sample: Sample) -> Cause | None:
    """Return the cause where the artifact agrees with the source at one length of an input alone, and not at this."""
    features = {feature.name: feature for feature in plan.interface.inputs}
    for position, name in enumerate(source.input_names):
        feature = features.get(name, plan.interface.inputs[position])
        for axis, bounds in enumerate(feature.sizes):
            if bounds[0] != bounds[1] and axis < sample[name].ndim:
                found = _at_other_lengths(session, source, sample, name, axis, bounds)
                if found is not None:
                    return found
    return None


def _at_other_lengths(
    session: EngineSession, source: Source, sample: Sample, name: str, axis: int, bounds: tuple[int, int]
) -> Cause | None:
    own = sample[name].shape[axis]
    whole = _apart(session, source, sample)
    apart = {own: whole}
    for length in _lengths(own, bounds):
        apart[length] = _apart(session, source, _resized(sample, name, axis, length))
    agreed = agreed_length(apart)
    if agreed is None or agreed == own:
        return None
    other = _resized(sample, name, axis, agreed)
    where = parting_line(lines_of(source, sample), lines_of(source, other))
    if not where:
        where = parting_number(trace_source(source, sample), trace_source(source, other))
    return cause_of_length(name, own, agreed, where, whole)


def _lengths(own: int, bounds: tuple[int, int]) -> Iterator[int]:
    low, high = bounds
    yield from range(max(1, low, own - _TRIED), own)
    yield from range(own + 1, min(high if high > 0 else 2 * own, 2 * own, own + _TRIED) + 1)


def _resized(sample: Sample, name: str, axis: int, length: int) -> Sample:
    """Return a sample with one axis cut, or gone on with from its beginning."""
    array = sample[name]
    return {**sample, name: np.take(array, np.arange(length) % array.shape[axis], axis)}


def _apart(session: EngineSession, source: Source, sample: Sample) -> float:
    try:
        found = session.run(fitted(sample, session.signature.inputs, session.runtime))
        with torch_session.open(source) as narrow:
            expected = narrow.run(sample)
    except MlparityError:
        return math.inf
    pairs = align(expected, found).pairs
    ours = {name: torch.from_numpy(np.ascontiguousarray(found[own])) for name, own in pairs}
    theirs = {name: torch.from_numpy(np.ascontiguousarray(expected[name])) for name, _ in pairs}
    return distance(ours, theirs) if pairs else math.inf
