"""How long an explanation may take, by the work of one run: what it cannot do in that time is left out, and said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mlparity.core.budget import Budget
from mlparity.core.errors import MlparityError
from mlparity.core.progress import Progress
from mlparity.diagnose.ladder import is_explicable
from mlparity.engine.placement.roofline import Work, work_of
from mlparity.engine.reading import read_program
from mlparity.record.record import Unfinished
from mlparity.record.rows import SettingResult
from mlparity.verification.job import Job

LEAST_S = 30.0
"""What any explanation may take, and all that one of a small model may."""

_SMALL_FLOPS = 2e9
"""Of one run of a small model: three times those of MobileNetV2 (assumed)."""

_LONGEST_RUN_S = 5.0
_MOST_FLOPS = 4e10
"""A little more than a ViT-B/16 takes at 224 x 224, and twice an EfficientNetV2-S at 384 x 384 (assumed: an explanation
repeats a run some dozens of times)."""


def budget_for(job: Job, results: Sequence[SettingResult], progress: Progress) -> Budget:
    """Return the time that explaining these rows may take: for large models at most what the comparison took."""
    ours = (row for row in results if is_explicable(row.setting.target))
    is_large = any((work := _work(row, job)) is not None and work.flops > _SMALL_FLOPS for row in ours)
    seconds = max(LEAST_S, _compared_s(job, results)) if is_large else LEAST_S
    return Budget(seconds, partial(_tell, progress, f"explain, {seconds:.0f} s at most"))


def _tell(progress: Progress, stage: str, runs: int) -> None:
    progress(stage, runs, 0)


def _compared_s(job: Job, results: Sequence[SettingResult]) -> float:
    """Return how long the runs of the artifacts took: of each the row that has the most of them."""
    longest: dict[str, float] = {}
    for row in results:
        longest[row.artifact] = max(longest.get(row.artifact, 0.0), row.seconds_per_sample or 0.0)
    return len(job.samples) * sum(longest.values())


def unfinished(budget: Budget) -> Unfinished | None:
    """Return what was left out, None where nothing was."""
    return Unfinished(budget.seconds, tuple(budget.undone)) if budget.undone else None


def takes_long(row: SettingResult, job: Job, part: float = 1.0) -> bool:
    """Tell whether one run of an artifact is more than a part of the work, or the time, that it may be.

    The work tells, so that a busy machine explains what an idle one does; the time where the work is not known, as in
    loops. A package that cannot be read is left to the explanation.
    """
    if not is_explicable(row.setting.target):
        return _run_seconds(row) > part * _LONGEST_RUN_S
    try:
        work = _work(row, job)
    except MlparityError:
        return False
    return _run_seconds(row) > part * _LONGEST_RUN_S if work is None else work.flops > part * _MOST_FLOPS


def _work(row: SettingResult, job: Job) -> Work | None:
    program = read_program(job.stage / row.artifact)
    function = program.functions[program.default_function]
    return None if any(op.blocks for op in function.body.ops) else work_of(function)


def _run_seconds(row: SettingResult) -> float:
    """Return how long one run of a sample took; an emulated row counts all of its runs together."""
    runs = 1 if row.envelope is None else len(row.envelope.runs)
    return 0.0 if row.seconds_per_sample is None else row.seconds_per_sample / runs
