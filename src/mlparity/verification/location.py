"""`locate`: which ops of an artifact carry its difference from the source, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from torch import nn

from mlparity.core.errors import InputError
from mlparity.core.progress import Progress
from mlparity.core.session import Sample
from mlparity.core.words import ComputeUnit
from mlparity.record.causes import Cause
from mlparity.targets.one_model import check_is_whole, one_model
from mlparity.targets.table import checked_target
from mlparity.targets.target import Opening
from mlparity.verification.alone import alone_in_artifact, alone_in_source
from mlparity.verification.explain_artifact import explain_artifact, joined
from mlparity.verification.explain_package import engine_of, explain_alone
from mlparity.verification.options import VerifyOptions
from mlparity.verification.samples import choose_samples
from mlparity.verification.sources import Inputs, open_source

LIMIT = 8
"""How many samples are looked at where no number is given; the one that differs most is explained."""


def locate_ops(
    path: Path,
    inputs: Inputs,
    source: str | nn.Module | None,
    unit: ComputeUnit,
    chosen: VerifyOptions,
    progress: Progress,
) -> Cause:
    """Return why the artifact at `path` differs, as `mlparity.locate` says.

    Raises:
        MlparityError: the artifact, the samples or the source cannot be used.
    """
    with one_model(path, chosen.function) as model:
        if source is not None:
            check_is_whole(model)
        return _located(model.path, inputs, source, unit, chosen, progress)


def _located(
    path: Path,
    inputs: Inputs,
    source: str | nn.Module | None,
    unit: ComputeUnit,
    chosen: VerifyOptions,
    progress: Progress,
) -> Cause:
    target = checked_target(path)
    if source is None and target.tracing is not None:
        raise InputError(
            f"an artifact of {target.title} is located in by its source alone",
            where=str(path),
            next_step="give the source: --source SOURCE, in Python source=",
        )
    if target.tracing is None:
        engine_of(path)
    limited = chosen if chosen.limit is not None else replace(chosen, limit=LIMIT)
    if source is None:
        samples_by_name = _samples(path, inputs, limited, unit, progress)
        progress("locate", 0, 0)
        return explain_alone(path, samples_by_name, unit)
    flat, samples = open_source(source, inputs, limited, progress)
    progress("locate", 0, 0)
    alone = alone_in_source(flat, samples, limited.carrying(flat).carry)
    return joined(explain_artifact(path, flat, dict(islice(alone, limited.limit)), unit))


def _samples(
    path: Path, inputs: Inputs, options: VerifyOptions, unit: ComputeUnit, progress: Progress
) -> Mapping[str, Sample]:
    target = checked_target(path)
    session = target.open_artifact(path, Opening(unit))
    names = tuple(spec.name for spec in session.signature.inputs if not spec.is_state)
    found = choose_samples(
        inputs,
        names,
        preprocess=options.preprocess,
        shapes=options.shapes,
        limit=options.limit,
        seed=options.seed,
        progress=progress,
    )
    return dict(islice(alone_in_artifact(session, found, options.carry), options.limit))
