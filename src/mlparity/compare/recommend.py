"""Which passing setting to ship."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlparity.core.words import Provenance, Setting, Verdict
from mlparity.record.decision import CONSISTENT_FIRST, Recommendation, Speed
from mlparity.record.rows import RowState, SettingResult

LEAST_UNVERIFIED_FIRST = (
    "fp32/CPU_ONLY",
    "neuralnetwork/CPU_ONLY",
    "fp16/CPU_ONLY",
    "fp32/CPU_AND_GPU",
    "fp16/CPU_AND_GPU",
    "fp32/CPU_AND_NE",
    "fp16/CPU_AND_NE",
    "fp32/ALL",
    "fp16/ALL",
    "neuralnetwork/CPU_AND_GPU",
    "neuralnetwork/CPU_AND_NE",
    "neuralnetwork/ALL",
)
"""Core ML settings, those first that depend least on device behaviour that cannot be checked here."""


def recommend(
    results: Sequence[SettingResult],
    prefer: Sequence[str] = (),
    speeds: Mapping[Setting, Speed] | None = None,
    *,
    consistency_first: bool = False,
) -> Recommendation:
    """Return the passing setting to ship: measured ones before others, then the first of `prefer`.

    Where it names none that passes, shown ones come before those that are not, and among these the fastest by
    `speeds`, where all have one, else the one that depends least on device behaviour that cannot be checked here.
    Witnesses do not count. With `consistency_first` only what is fp32 on the CPU counts.
    """
    candidates = [result for result in results if not result.is_witness]
    passing = [result for result in candidates if result.verdict is Verdict.PASS and result.state is RowState.COMPARED]
    known = {} if speeds is None else speeds
    if consistency_first:
        passing = [result for result in passing if str(result.setting) in CONSISTENT_FIRST]
    best = min(passing, key=_order(passing, prefer, known), default=None)
    return Recommendation(None if best is None else best.setting)


def _order(
    passing: Sequence[SettingResult], prefer: Sequence[str], speeds: Mapping[Setting, Speed]
) -> Callable[[SettingResult], tuple[bool, int, bool, int, int]]:
    stated = {name: index for index, name in enumerate(prefer)}
    usual = {name: index for index, name in enumerate(LEAST_UNVERIFIED_FIRST)}
    is_ranked = all(result.setting in speeds for result in passing)

    def key(result: SettingResult) -> tuple[bool, int, bool, int, int]:
        name = str(result.setting)
        rank = speeds[result.setting].rank if is_ranked else 0
        wish, order = stated.get(name, len(stated)), usual.get(name, len(usual))
        return result.provenance is not Provenance.MEASURED, wish, result.depends_on_unshown, rank, order

    return key
