"""Grades and ranks: what each setting is good for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.verdict import judge
from mlparity.core.words import Grade, Setting, Verdict
from mlparity.record.decision import Candidate, Decision, Speed
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, SettingResult


def grade_of(result: SettingResult, noise: Sequence[Noise]) -> Grade:
    """Return what a compared setting is good for: consistent where it passes `consistency` besides its own policy."""
    if result.verdict is Verdict.FAIL:
        return Grade.NOT
    if result.verdict is Verdict.UNKNOWN:
        return Grade.UNKNOWN
    is_consistent = judge(CONSISTENCY, result.outputs, noise).verdict is Verdict.PASS
    return Grade.CONSISTENT if is_consistent else Grade.ACCEPTABLE


def decide(
    results: Sequence[SettingResult],
    noise: Sequence[Noise],
    speeds: Mapping[Setting, Speed],
    *,
    consistency_first: bool = False,
) -> Decision:
    """Return the decision; the fastest counts only among settings whose own arithmetic is shown."""
    compared = [result for result in results if result.state is RowState.COMPARED]
    candidates = tuple(
        Candidate(result.setting, grade_of(result, noise), speeds.get(result.setting)) for result in compared
    )
    shown = {result.setting for result in compared if not result.depends_on_unshown}
    good = (Grade.CONSISTENT, Grade.ACCEPTABLE)
    fit = [candidate for candidate in candidates if candidate.grade in good and candidate.setting in shown]
    ranked = [(candidate.speed.rank, candidate) for candidate in fit if candidate.speed is not None]
    fastest = min(ranked, key=lambda entry: entry[0])[1] if ranked else None
    return Decision(candidates, None if fastest is None else fastest.setting, consistency_first)


def ranks(seconds: Mapping[Setting, float]) -> dict[Setting, int]:
    """Return ranks from 1 by time; times within a thousandth of each other share one."""
    ordered = sorted(seconds.values())
    starts: list[float] = []
    for value in ordered:
        if not starts or value > starts[-1] * 1.001:
            starts.append(value)
    return {setting: 1 + sum(start * 1.001 < value for start in starts) for setting, value in seconds.items()}
