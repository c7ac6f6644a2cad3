"""Further runs of a source on a sample: its traces, and how much it rounds itself."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import torch

from mlparity.compare.noise import plausible_share
from mlparity.core.change import Change
from mlparity.core.errors import MlparityError
from mlparity.core.session import Outputs, Sample
from mlparity.core.shortages import note_shortage
from mlparity.core.source import Source
from mlparity.core.trace import SourceTrace
from mlparity.diagnose.distance import distance
from mlparity.sessions import torch as torch_session
from mlparity.sessions.torch_changes import changing
from mlparity.sessions.torch_trace import trace_source


def traces_of_others(source: Source, samples: Mapping[str, Sample], name: str) -> tuple[SourceTrace, ...]:
    """Return the source's traces on the first few samples but one."""
    few = islice((sample for other, sample in samples.items() if other != name), _OTHERS)
    traces = (traced(source, sample) for sample in few)
    return tuple(trace for trace in traces if trace is not None)


_OTHERS = 3


def noise_of_source(source: Source, sample: Sample, narrow: Outputs) -> float:
    """Return the distance of the source's fp32 run from its fp64 run; 0.0 where it is not known."""
    try:
        with torch_session.open(source, double=True) as wide:
            exact = wide.run(sample)
    except MlparityError as error:
        note_shortage(error)
        return 0.0
    found, expected = ({name: torch.from_numpy(array) for name, array in side.items()} for side in (narrow, exact))
    return plausible_share(distance(found, expected), wide.roundings)


def traced(source: Source, sample: Sample, change: Change | None = None) -> SourceTrace | None:
    """Return the source's trace, changed if asked: in fp64, in fp32 where that fails, None where both do."""
    for double in (True, False):
        run_op = None if change is None else changing(change)
        try:
            return trace_source(source, sample, double=double, run_op=run_op)
        except MlparityError as error:
            note_shortage(error)
    return None
