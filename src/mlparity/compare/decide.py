"""Grades, ranks and one paragraph: which setting to ship, for a reader who sees nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.recommend import depends_on_unshown
from mlparity.compare.verdict import judge
from mlparity.core.finiteness import left_out_note
from mlparity.core.numbers import format_number
from mlparity.core.words import Grade, Setting, Verdict
from mlparity.record.decision import Candidate, Decision, Recommendation, Speed
from mlparity.record.figures import OutputFigures
from mlparity.record.policy import Policy
from mlparity.record.record import Noise, SamplesInfo
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
    name: str,
    results: Sequence[SettingResult],
    policy: Policy,
    noise: Sequence[Noise],
    samples: SamplesInfo,
    speeds: Mapping[Setting, Speed],
    recommendation: Recommendation,
    *,
    consistency_first: bool = False,
) -> Decision:
    """Return the decision; the fastest counts only among settings whose own arithmetic is shown."""
    compared = [result for result in results if result.state is RowState.COMPARED]
    candidates = tuple(
        Candidate(result.setting, grade_of(result, noise), speeds.get(result.setting)) for result in compared
    )
    shown = {result.setting for result in compared if not depends_on_unshown(result)}
    fit = [each for each in candidates if each.grade in (Grade.CONSISTENT, Grade.ACCEPTABLE) and each.setting in shown]
    ranked = [(each.speed.rank, each) for each in fit if each.speed is not None]
    fastest = min(ranked, key=lambda entry: entry[0])[1] if ranked else None
    sentences = (
        _compared(name, samples, policy),
        *_grades(candidates),
        _fastest(fastest),
        "Consistency was asked for before speed." if consistency_first else "",
        recommendation.sentence,
        _figures(recommendation.setting, compared),
    )
    paragraph = " ".join(sentence for sentence in sentences if sentence)
    return Decision(candidates, None if fastest is None else fastest.setting, consistency_first, paragraph)


def _compared(name: str, samples: SamplesInfo, policy: Policy) -> str:
    count = "1 sample" if samples.count == 1 else f"{samples.count} samples"
    return (
        f"{name} was converted and compared with its PyTorch source on {count}"
        f" ({samples.description}) under the policy {policy.name!r}."
    )


def _grades(candidates: Sequence[Candidate]) -> list[str]:
    names = {grade: [str(each.setting) for each in candidates if each.grade is grade] for grade in Grade}
    return [f"{grade.capitalize()}: {', '.join(found)}." for grade, found in names.items() if found]


def _fastest(fastest: Candidate | None) -> str:
    if fastest is None or fastest.speed is None:
        return ""
    speed = fastest.speed
    if speed.latency is None:
        return f"Fastest of the acceptable ones: {fastest.setting}, {speed.provenance} by {speed.basis}, not timed."
    spread = f"{format_number(speed.latency.low_ms)} to {format_number(speed.latency.high_ms)}"
    return (
        f"Fastest of the acceptable ones: {fastest.setting}, {format_number(speed.latency.median_ms)} ms"
        f" ({spread}, {speed.latency.runs} predictions, {speed.provenance} on {speed.basis})."
    )


def _figures(setting: Setting | None, compared: Sequence[SettingResult]) -> str:
    found = next((result for result in compared if result.setting == setting), None)
    if found is None:
        return ""
    return f"Largest differences of {setting} ({found.provenance}): {'; '.join(map(_difference, found.outputs))}."


def _difference(output: OutputFigures) -> str:
    flips = ""
    if output.flips is not None:
        what = "decisions" if output.task is not None and output.task.threshold is not None else "top classes"
        flips = f", {output.flips.flipped} of {output.flips.samples} {what} changed"
        if output.flips.certified == output.flips.samples:
            flips += " and none could by changes of this size"
    size = format_number(output.figures.get("max_abs"))
    note = left_out_note(output.figures, output.elements)
    return f"{output.output} {size} on scale {format_number(output.scale, 3)}{flips}{note}"


def ranks(seconds: Mapping[Setting, float]) -> dict[Setting, int]:
    """Return places from 1 by time; times within a thousandth of each other share one."""
    ordered = sorted(seconds.values())
    starts: list[float] = []
    for value in ordered:
        if not starts or value > starts[-1] * 1.001:
            starts.append(value)
    return {setting: 1 + sum(start * 1.001 < value for start in starts) for setting, value in seconds.items()}
