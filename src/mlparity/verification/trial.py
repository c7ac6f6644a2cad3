"""The rows of artifacts that are tried out, compared in one go: nothing of it is resumed or kept."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from mlparity.core.progress import silent
from mlparity.core.session import Outputs, Sample
from mlparity.record.rows import SettingResult
from mlparity.samples.images import thumbnail
from mlparity.sessions.carrying import restart
from mlparity.sessions.checked import run_checked
from mlparity.verification.artifacts import Made
from mlparity.verification.execute import Feed, execute
from mlparity.verification.job import Job, References
from mlparity.verification.opening import open_runs
from mlparity.verification.results import results_of
from mlparity.verification.runs import Runs


def rows_of(job: Job, made: Made, references: References) -> tuple[SettingResult, ...]:
    """Return a row for each setting of a job, from artifacts that lie in its folder.

    Raises:
        MlparityError: the source fails on a sample.
    """
    with closing(open_runs(job, made, references, is_watched=False)) as runs:
        return rows_of_runs(job, runs, references)


def rows_of_runs(job: Job, runs: Runs, references: References) -> tuple[SettingResult, ...]:
    """Run the samples of a job, and return a row for each setting.

    Raises:
        MlparityError: the source fails on a sample.
    """

    def reference(name: str, sample: Sample) -> Outputs:
        if job.begins(name):
            restart(references.narrow)
        return run_checked(references.narrow, sample)

    picture = partial(thumbnail, job.samples)
    feed = Feed(job.samples, len(job.samples), picture=picture, begins=job.begins, given=job.given)
    execute(feed, reference, runs.observers(), silent, block=runs.block)
    return results_of(runs, job.policy)
