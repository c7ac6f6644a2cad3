"""A record of given rows, with what is recommended of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlparity.compare.decide import decide
from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.recommend import recommend
from mlparity.core.words import Setting
from mlparity.record.decision import Speed
from mlparity.record.policy import Policy
from mlparity.record.record import Record, SamplesInfo
from mlparity.record.rows import SettingResult
from mlparity.report.decision import decision_paragraph, recommendation_text
from tests.record.example import example_record

_RECORD = example_record("net")
SAMPLES = SamplesInfo("2 photos", 2, "00")


def decided_record(
    rows: Sequence[SettingResult],
    policy: Policy = CONSISTENCY,
    prefer: Sequence[str] = (),
    speeds: Mapping[Setting, Speed] | None = None,
    *,
    samples: SamplesInfo = SAMPLES,
    consistency_first: bool = False,
) -> Record:
    known = {} if speeds is None else speeds
    return replace(
        _RECORD,
        settings=tuple(rows),
        policy=policy,
        samples=samples,
        noise=(),
        recommendation=recommend(rows, prefer, known, consistency_first=consistency_first),
        decision=decide(rows, (), known, consistency_first=consistency_first),
    )


def recommended(*args: object, **options: object) -> str:
    """Return the recommendation in words; arguments as of `decided_record`."""
    return recommendation_text(decided_record(*args, **options))  # type: ignore[arg-type]


def paragraph(*args: object, **options: object) -> str:
    """Return the paragraph of the decision; arguments as of `decided_record`."""
    return decision_paragraph(decided_record(*args, **options))  # type: ignore[arg-type]
