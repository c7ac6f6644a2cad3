"""The rows of artifacts that are tried out, compared in one go: nothing of it is resumed or kept."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from mlparity.core.progress import silent
from mlparity.record.rows import SettingResult
from mlparity.samples.images import thumbnail
from mlparity.sessions.checked import run_checked
from mlparity.verification.artifacts import Made
from mlparity.verification.execute import Feed, execute
from mlparity.verification.job import Job, References
from mlparity.verification.opening import open_runs
from mlparity.verification.results import results_of


def rows_of(job: Job, made: Made, references: References) -> tuple[SettingResult, ...]:
    """Return a row for each setting of a job, from artifacts that lie in its folder.

    Raises:
        MlparityError: the source fails on a sample.
    """
    with closing(open_runs(job, made, references)) as runs:
        feed = Feed(job.samples, len(job.samples), picture=partial(thumbnail, job.samples))
        execute(
            feed, lambda _, sample: run_checked(references.narrow, sample), runs.observers(), silent, block=runs.block
        )
        return results_of(runs, job.policy)
