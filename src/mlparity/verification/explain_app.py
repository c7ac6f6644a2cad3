"""Whether a row differs by how an app prepares pictures: its artifact is run on the source's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from mlparity.core.session import Sample, Session
from mlparity.record.causes import Cause
from mlparity.record.rows import SettingResult
from mlparity.sessions import torch as torch_session
from mlparity.sessions.checked import run_checked
from mlparity.targets.table import target_named
from mlparity.targets.target import Opening
from mlparity.verification.app_pictures import AppPictures, cause_of_app
from mlparity.verification.job import Job


def of_app(row: SettingResult, job: Job, pictures: AppPictures, samples: Mapping[str, Sample]) -> tuple[Cause, float]:
    """Return the cause that an app's preprocessing is, and the part of a row's difference that is its.

    Raises:
        MlparityError: the artifact or the source cannot be run.
    """
    with closing(_opened(row, job)) as session, torch_session.open(job.source) as source:
        return cause_of_app(
            pictures,
            samples,
            lambda sample: run_checked(session, sample),
            lambda sample: run_checked(source, sample),
        )


def _opened(row: SettingResult, job: Job) -> Session:
    target, path = target_named(row.setting.target), job.stage / row.artifact
    opening = Opening(row.setting.compute_unit, job.source.input_names, job.source.output_names, job.options.runtime)
    return (
        target.open_artifact(path, opening)
        if target.engine is None
        else target.engine.open_variant(path, opening, None)
    )
