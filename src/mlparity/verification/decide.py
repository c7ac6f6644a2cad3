"""From the rows to what to ship, as data."""

from __future__ import annotations

from mlparity.compare.decide import decide
from mlparity.compare.recommend import recommend
from mlparity.record.decision import Decision, Recommendation
from mlparity.record.decisive import decisive
from mlparity.record.record import Noise
from mlparity.record.rows import SettingResult
from mlparity.verification.job import Job
from mlparity.verification.runs import Runs
from mlparity.verification.speed import speeds_of, with_evidence


def decided(
    job: Job, runs: Runs, results: tuple[SettingResult, ...], noise: tuple[Noise, ...]
) -> tuple[Recommendation, Decision | None]:
    """Return the setting to ship and what speaks for it, by the speeds of the settings too."""
    first, speaking = job.options.consistency_first, decisive(results)
    speeds = speeds_of(runs, job.first(), job.stage)
    chosen = recommend(speaking, speeds=speeds, consistency_first=first)
    return chosen, with_evidence(decide(speaking, noise, speeds, consistency_first=first))
