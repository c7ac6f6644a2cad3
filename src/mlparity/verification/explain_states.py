"""Causes that lie in a state: where it starts, and what its storage costs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np

from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.diagnose.distance import removed
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.sessions import torch as torch_session
from mlparity.sessions.checked import run_checked
from mlparity.verification.distances import apart
from mlparity.verification.explain_package import open_reference

_MOST = 0.9
"""The part of the difference in the first run that has to go away (assumed: what is left may be fp16's rounding)."""


def other_start(path: Path, source: Source, sample: Sample) -> Cause | None:
    """Return the cause where the source's state starts elsewhere than at zero, and an artifact's own at zero.

    On the first `sample` the artifact is run from zero, as an app runs it, and from where the source starts: then most
    of the difference has to go away.

    Raises:
        MlparityError: the artifact or the source cannot be run.
    """
    moved = {name: value for name, value in source.initial.items() if np.any(value)}
    if not moved:
        return None
    with closing(open_reference(path, source.input_names)) as session, torch_session.open(source) as narrow:
        own = {spec.name for spec in session.signature.inputs if spec.is_state} & moved.keys()
        if not own:
            return None
        given = {**source.initial, **sample}
        zeros = {name: np.zeros_like(given[name]) for name in own}
        expected = run_checked(narrow, given)
        starts = ({**given, **zeros}, given)
        from_zero, from_start = (apart(run_checked(session, start), expected) for start in starts)
    gone = removed(from_zero, from_start)
    if gone < _MOST:
        return None
    figures = {"difference": from_zero, "removed": gone, "start": max(float(np.abs(moved[name]).max()) for name in own)}
    return Cause(
        CauseKind.CONVERTER, (Evidence(Observation.STATE_STARTS, figures, {"states": ", ".join(sorted(own))}),)
    )
