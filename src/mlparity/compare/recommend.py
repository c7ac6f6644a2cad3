"""Which passing setting to ship."""

from __future__ import annotations

from collections.abc import Sequence

from mlparity.core.policy import Policy
from mlparity.core.record import Recommendation, RowState, SettingResult
from mlparity.core.words import Setting, Standing, Target, Verdict

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
"""Core ML settings in the order of how little they lean on arithmetic that only a device can show."""


def recommend(
    results: Sequence[SettingResult], policy: Policy, prefer: Sequence[str] = LEAST_UNVERIFIED_FIRST
) -> Recommendation:
    """Return the first passing setting: measured ones before others, then in the order of `prefer`.

    A Core ML setting is preferred; other targets count where no Core ML setting was asked for. Settings that
    `prefer` does not name come last, in their own order.
    """
    coreml = [result for result in results if result.setting.target is Target.COREML]
    candidates = coreml if coreml else list(results)
    passing = [result for result in candidates if result.verdict is Verdict.PASS and result.state is RowState.COMPARED]
    if not passing:
        return Recommendation(None, _none(candidates, policy))
    places = {name: place for place, name in enumerate(prefer)}
    best = min(passing, key=lambda result: _rank(result, places))
    return Recommendation(best.setting, f"{_why(best, policy)} {_others(best, passing, candidates)}".strip())


def _rank(result: SettingResult, places: dict[str, int]) -> tuple[bool, int]:
    return result.standing is not Standing.MEASURED, places.get(str(result.setting), len(places))


def _why(best: SettingResult, policy: Policy) -> str:
    how = f" ({best.standing})" if best.standing is not None else ""
    return f"Ship {best.setting}: it passes the policy {policy.name!r}{how}{_dependence(best)}."


def _dependence(best: SettingResult) -> str:
    if best.standing is Standing.MEASURED or best.setting.target is not Target.COREML:
        return ""
    if _leans_on_device(best.setting):
        return ", but the arithmetic of its processors is not shown until a device measures it"
    return " and leans least on arithmetic that only a device can show"


def _others(best: SettingResult, passing: Sequence[SettingResult], candidates: Sequence[SettingResult]) -> str:
    sentences = []
    failing = [str(result.setting) for result in candidates if result.verdict is Verdict.FAIL]
    if failing:
        sentences.append(f"Failing: {', '.join(failing)}.")
    unshown = [
        result
        for result in passing
        if result is not best and result.standing is not Standing.MEASURED and _leans_on_device(result.setting)
    ]
    for standing, how in _HOW_IT_PASSES.items():
        names = [str(result.setting) for result in unshown if result.standing is standing]
        if names:
            passes = "passes" if len(names) == 1 else "pass"
            sentences.append(
                f"{', '.join(names)} may be faster and {passes} {how}: measure on a device before you ship one of them."
            )
    return " ".join(sentences)


_HOW_IT_PASSES = {
    Standing.COMPUTED: "in reference arithmetic, which is not shown on the unit itself",
    Standing.EMULATED: "in every plausible arithmetic of their units that was run, which is not the unit itself",
}


def _leans_on_device(setting: Setting) -> bool:
    return setting.compute_unit is not None and setting.compute_unit != "CPU_ONLY"


def _none(candidates: Sequence[SettingResult], policy: Policy) -> str:
    compared = [result for result in candidates if result.state is RowState.COMPARED]
    if not compared:
        return "No setting can be recommended: none was compared."
    return (
        f"No compared setting passes the policy {policy.name!r}. See the reasons in the table; if the differences do"
        " no harm to your task, verify again with a policy that measures the harm (--policy task)."
    )
