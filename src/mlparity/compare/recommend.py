"""Which passing setting to ship."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlparity.core.words import Provenance, Setting, Verdict
from mlparity.record.decision import Recommendation, Speed
from mlparity.record.policy import Policy
from mlparity.record.rows import RowState, SettingResult

LEAST_UNVERIFIED_FIRST = (
    "fp32/CPU_ONLY",
    "fp16/CPU_ONLY",
    "fp32/CPU_AND_GPU",
    "fp16/CPU_AND_GPU",
    "fp32/CPU_AND_NE",
    "fp16/CPU_AND_NE",
    "fp32/ALL",
    "fp16/ALL",
)
"""Core ML settings, those first that depend least on device behaviour that cannot be checked here."""


CONSISTENT_FIRST = "fp32/CPU_ONLY"
"""The setting that consistency first asks for: no half precision, and the processor whose arithmetic is known best."""


def recommend(
    results: Sequence[SettingResult],
    policy: Policy,
    prefer: Sequence[str] = (),
    speeds: Mapping[Setting, Speed] | None = None,
    *,
    consistency_first: bool = False,
) -> Recommendation:
    """Return the passing setting to ship: measured ones before others, then the first of `prefer`.

    Where it names none that passes, shown ones come before those that are not, and among these the fastest by
    `speeds`, where all have one, else the one that depends least on device behaviour that cannot be checked here.
    Witnesses do not count. With `consistency_first` only fp32/CPU_ONLY counts.
    """
    candidates = [result for result in results if not result.is_witness]
    passing = [result for result in candidates if result.verdict is Verdict.PASS and result.state is RowState.COMPARED]
    known = {} if speeds is None else speeds
    if consistency_first:
        return _consistent(passing, candidates, policy, known)
    if not passing:
        return Recommendation(None, _none(candidates, policy))
    best = min(passing, key=_order(passing, prefer, known))
    return Recommendation(best.setting, f"{_why(best, policy)} {_others(best, passing, candidates, known)}".strip())


def depends_on_unshown(result: SettingResult) -> bool:
    """Return whether a setting's numbers depend on processors whose arithmetic was neither measured nor emulated."""
    return _depends_on_device(result.setting) and result.provenance not in (Provenance.MEASURED, Provenance.EMULATED)


def _order(
    passing: Sequence[SettingResult], prefer: Sequence[str], speeds: Mapping[Setting, Speed]
) -> Callable[[SettingResult], tuple[bool, int, bool, int, int]]:
    stated = {name: place for place, name in enumerate(prefer)}
    places = {name: place for place, name in enumerate(LEAST_UNVERIFIED_FIRST)}
    is_ranked = all(result.setting in speeds for result in passing)

    def key(result: SettingResult) -> tuple[bool, int, bool, int, int]:
        name = str(result.setting)
        rank = speeds[result.setting].rank if is_ranked else 0
        wish, place = stated.get(name, len(stated)), places.get(name, len(places))
        return result.provenance is not Provenance.MEASURED, wish, depends_on_unshown(result), rank, place

    return key


def _is_slower(result: SettingResult, best: SettingResult, speeds: Mapping[Setting, Speed]) -> bool:
    known = speeds.get(result.setting), speeds.get(best.setting)
    return known[0] is not None and known[1] is not None and known[0].rank > known[1].rank


def _consistent(
    passing: Sequence[SettingResult],
    candidates: Sequence[SettingResult],
    policy: Policy,
    known: Mapping[Setting, Speed],
) -> Recommendation:
    best = next((result for result in passing if str(result.setting) == CONSISTENT_FIRST), None)
    if best is not None:
        return Recommendation(best.setting, f"{_why(best, policy)} {_others(best, passing, candidates, known)}".strip())
    found = next((result for result in candidates if str(result.setting) == CONSISTENT_FIRST), None)
    why = "was not compared" if found is None or found.state is not RowState.COMPARED else f"has {found.verdict}"
    return Recommendation(None, f"Consistency first asks for {CONSISTENT_FIRST}, which {why}: nothing is recommended.")


def _why(best: SettingResult, policy: Policy) -> str:
    how = f" ({best.provenance})" if best.provenance is not None else ""
    return f"Ship {best.setting}: it passes the policy {policy.name!r}{how}{_dependence(best)}."


def _dependence(best: SettingResult) -> str:
    if best.provenance is Provenance.MEASURED or best.setting.compute_unit is None:
        return ""
    if depends_on_unshown(best):
        return ", but the arithmetic of its processors is not shown until a device measures it"
    if best.provenance is Provenance.EMULATED and best.setting.compute_unit != "CPU_ONLY":
        return " in every variant of its processors that was run; a device can still show another"
    return " and depends least on device behaviour that cannot be checked here"


def _others(
    best: SettingResult,
    passing: Sequence[SettingResult],
    candidates: Sequence[SettingResult],
    speeds: Mapping[Setting, Speed],
) -> str:
    sentences = []
    failing = [str(result.setting) for result in candidates if result.verdict is Verdict.FAIL]
    if failing:
        sentences.append(f"Failing: {', '.join(failing)}.")
    unshown = [
        result
        for result in passing
        if result is not best and _depends_on_device(result.setting) and not _is_slower(result, best, speeds)
    ]
    for provenance, how in _HOW_IT_PASSES.items():
        names = [str(result.setting) for result in unshown if result.provenance is provenance]
        if names:
            passes = "passes" if len(names) == 1 else "pass"
            sentences.append(
                f"{', '.join(names)} may be faster and {passes} {how}: measure on a device before you ship one of them."
            )
    return " ".join(sentences)


_HOW_IT_PASSES = {
    Provenance.COMPUTED: "in reference arithmetic, which is not shown on the unit itself",
    Provenance.EMULATED: "in every plausible arithmetic of their units that was run, which is not the unit itself",
}


def _depends_on_device(setting: Setting) -> bool:
    return setting.compute_unit is not None and setting.compute_unit != "CPU_ONLY"


def _none(candidates: Sequence[SettingResult], policy: Policy) -> str:
    compared = [result for result in candidates if result.state is RowState.COMPARED]
    if not compared:
        return "No setting can be recommended: none was compared."
    return (
        f"No compared setting passes the policy {policy.name!r}. See the reasons in the table; if the differences do"
        " no harm to your task, verify again with a policy that measures the harm (--policy task)."
    )
