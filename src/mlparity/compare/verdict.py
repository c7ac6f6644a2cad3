"""A policy and figures to a verdict with its reasons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlparity.compare.metrics import METRIC_NAMED
from mlparity.core.finiteness import left_out, mismatches
from mlparity.core.numbers import format_number
from mlparity.core.words import Verdict
from mlparity.record.figures import Better, OutputFigures, TaskFigure
from mlparity.record.policy import Limit, Policy, TaskKind, UserMetric
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, SettingResult

_OF_FLIPS = frozenset({"flips", "flip_rate"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, with the reasons for it.

    A `pass` may have reasons too: it says where noise decided, and which positions the figures leave out.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()


def judge(
    policy: Policy,
    outputs: Sequence[OutputFigures],
    noise: Sequence[Noise] = (),
    problems: Sequence[str] = (),
    task_figures: Sequence[TaskFigure] = (),
    unlike: Sequence[str] = (),
) -> Judgement:
    """Return the verdict of one setting.

    Whatever the policy says, an output that is missing or of another shape (`unlike`) fails, and so does a position
    that is NaN or infinite on one side alone, or an infinity of another sign; noise excuses none, and an output without
    a position that is finite on both sides is unknown. One broken limit fails. Otherwise `problems` (outputs that
    could not be compared), nothing compared, a figure without a value, an output of the policy that is not there, or
    no limit that applies make it unknown. `task_figures` are those of the policy's own metrics.
    """
    by_output = {entry.output: entry for entry in noise if entry.is_known}
    by_metric = {figure.metric: figure for figure in task_figures}
    judged = [finding for output in outputs for finding in _limits(policy, output, by_output.get(output.output))]
    judged += [finding for metric in policy.metrics for finding in _budget(metric, by_metric.get(metric.name))]
    findings = [Judgement(Verdict.FAIL, (reason,)) for reason in unlike]
    findings += [_unlike(output) for output in outputs if mismatches(output.figures)]
    findings += judged
    findings += [finding for output in outputs for finding in _unsaid(output, policy)]
    findings += [Judgement(Verdict.UNKNOWN, (problem,)) for problem in (*problems, *_absent(policy, outputs))]
    worst = _worst([finding.verdict for finding in findings])
    if not judged and worst is Verdict.PASS:
        worst = Verdict.UNKNOWN
        why = "no output was compared" if not outputs else "no limit of the policy applies to these outputs"
        findings.append(Judgement(worst, (why,)))
    # Reasons that decide come first.
    findings.sort(key=lambda finding: finding.verdict is not worst)
    return Judgement(worst, tuple(reason for finding in findings for reason in finding.reasons))


def judge_all(policy: Policy, results: Sequence[SettingResult]) -> Judgement:
    """Return the verdict of the whole verification, by `policy.required`.

    "any" asks for one passing setting that is no witness. "all" asks it of every setting that exists here. Named
    settings must have been compared.
    """
    if policy.required == ("any",):
        return _any(results)
    named = {str(result.setting): result for result in results}
    wanted = policy.required
    if wanted == ("all",):
        wanted = tuple(name for name, result in named.items() if result.state is not RowState.NOT_APPLICABLE)
    if not wanted:
        return Judgement(Verdict.UNKNOWN, ("no setting was compared",))
    findings = [(name, _required(named.get(name))) for name in wanted]
    verdict = _worst([finding for _, finding in findings])
    return Judgement(
        verdict, tuple(f"{name} is required: {finding}" for name, finding in findings if finding is verdict)
    )


def _any(results: Sequence[SettingResult]) -> Judgement:
    judged = [result for result in results if not result.is_witness and result.state is RowState.COMPARED]
    if not judged:
        return Judgement(Verdict.UNKNOWN, ("no setting was compared",))
    for verdict, words in ((Verdict.PASS, "passes"), (Verdict.UNKNOWN, "could not be judged")):
        names = [str(result.setting) for result in judged if result.verdict is verdict]
        if names:
            return Judgement(verdict, (f"{_list(names)} {words}",))
    return Judgement(Verdict.FAIL, (f"all compared settings fail: {_list([str(r.setting) for r in judged])}",))


def _required(result: SettingResult | None) -> Verdict:
    return result.verdict if result is not None and result.state is RowState.COMPARED else Verdict.UNKNOWN


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    return next((verdict for verdict in (Verdict.FAIL, Verdict.UNKNOWN) if verdict in verdicts), Verdict.PASS)


def _unlike(output: OutputFigures) -> Judgement:
    """Fail an output whose sides are not finite at the same positions, and say what the other figures leave out."""
    counts = [int(output.figures.get(name) or 0) for name in ("nan_count", "new_nan_count", "inf_count")]
    unlike, new, infinite = counts
    reasons = []
    if new:
        reasons.append(f"the artifact has {new:,} NaN that the source has not")
    if unlike > new:
        reasons.append(f"the source has {unlike - new:,} NaN that the artifact has not")
    if infinite:
        reasons.append(f"{infinite:,} positions are infinite on one side alone, or infinities of opposite signs")
    reasons.append(f"the figures of differences leave out {_left_out(output)}")
    return Judgement(Verdict.FAIL, tuple(f"{output.output}: {reason}" for reason in reasons))


def _unsaid(output: OutputFigures, policy: Policy) -> Iterator[Judgement]:
    """Yield what no figure tells: an output or positions that nothing was compared at."""
    if not output.elements:
        yield Judgement(Verdict.UNKNOWN, (f"{output.output}: the output is empty",))
        return
    missing = left_out(output.figures)
    if missing >= output.elements:
        reason = f"{output.output}: no position is finite on both sides, so that nothing was compared"
        yield Judgement(Verdict.UNKNOWN, (reason,))
    elif missing > mismatches(output.figures):
        reason = f"{output.output}: {_left_out(output)} are not finite on both sides; no difference includes them"
        yield Judgement(Verdict.PASS, (reason,))
    if policy.limits and not _applicable(policy, output):
        yield Judgement(Verdict.PASS, (f"{output.output}: no limit of the policy bounds it",))


def _left_out(output: OutputFigures) -> str:
    return f"{left_out(output.figures):,} of {output.elements:,} positions"


def _absent(policy: Policy, outputs: Sequence[OutputFigures]) -> list[str]:
    """Return what the policy asks of outputs that were not compared: nothing, if nothing at all was."""
    compared = {output.output for output in outputs}
    named = dict.fromkeys([*(task.output for task in policy.tasks), *(limit.output for limit in policy.limits)])
    names = [name for name in named if name and name not in compared]
    have = ", ".join(compared)
    return [f"{name}: the policy names it, and no such output was compared ({have})" for name in names if compared]


def _budget(metric: UserMetric, figure: TaskFigure | None) -> list[Judgement]:
    if figure is None or not figure.samples:
        return [Judgement(Verdict.UNKNOWN, (f"{metric.name}: the metric has no value on these samples",))]
    findings = []
    for what, limit, value in (("mean", metric.mean, figure.mean), ("worst", metric.worst, figure.worst)):
        if limit is None:
            continue
        sample = f" ({figure.worst_sample})" if what == "worst" else ""
        if value is None or math.isnan(value):
            findings.append(Judgement(Verdict.UNKNOWN, (f"{metric.name}: its {what} is no number{sample}",)))
        elif broken := _broken(limit, value, 1.0):
            findings.append(Judgement(Verdict.FAIL, (f"{metric.name}: {what} {broken}{sample}",)))
        elif math.isinf(value) and value != figure.worst:
            reason = f"{metric.name}: its {what} is infinite by some samples, and says nothing of the others"
            findings.append(Judgement(Verdict.UNKNOWN, (reason,)))
        else:
            findings.append(Judgement(Verdict.PASS))
    if figure.skipped:
        reason = f"{metric.name}: {figure.skipped} of {figure.samples + figure.skipped} samples have no value"
        findings.append(Judgement(Verdict.PASS, (reason,)))
    return findings


def _applicable(policy: Policy, output: OutputFigures) -> list[Limit]:
    """Return the limits of an output: its own, and the general ones that they do not replace."""
    own = [limit for limit in policy.limits if limit.output == output.output]
    replaced = {limit.metric for limit in own}
    general = [limit for limit in policy.limits if not limit.output and limit.metric not in replaced]
    return [*own, *(limit for limit in general if limit.metric in output.figures)]


def _limits(policy: Policy, output: OutputFigures, noise: Noise | None) -> list[Judgement]:
    if not output.elements:
        return []
    return [_judge_limit(limit, output, policy, noise) for limit in _applicable(policy, output)]


def _judge_limit(limit: Limit, output: OutputFigures, policy: Policy, noise: Noise | None) -> Judgement:
    if limit.metric not in output.figures:
        reason = f"{output.output}: the policy limits {limit.metric}, which it does not have"
        return Judgement(Verdict.UNKNOWN, (reason,))
    value = output.figures[limit.metric]
    if value is None:
        return Judgement(Verdict.UNKNOWN, (f"{output.output}: {limit.metric} has no value",))
    if METRIC_NAMED[limit.metric].counts_mismatches:
        return Judgement(Verdict.PASS)  # the rule for every policy judges these counts, and words them
    broken = _broken(limit, value, output.scale)
    if not broken:
        return Judgement(Verdict.PASS)
    reason = f"{output.output}: {_in_words(limit.metric)} {broken}{_first_step(limit, output)}"
    if noise is None or not _is_noise(limit, output, policy.noise_factor * noise.max_abs):
        return Judgement(Verdict.FAIL, (reason,))
    times, size = format_number(policy.noise_factor), format_number(noise.max_abs)
    reason = f"{reason}, but within {times} times the source's own fp32 noise {size}"
    most = policy.noise_cap * output.scale
    if _is_noise(limit, output, most):
        return Judgement(Verdict.PASS, (reason,))
    return Judgement(Verdict.UNKNOWN, (f"{reason}, {_not_known(policy, output, most)}",))


def _not_known(policy: Policy, output: OutputFigures, most: float) -> str:
    return (
        f"which excuses at most {format_number(most)} ({format_number(policy.noise_cap)} of scale"
        f" {format_number(output.scale, 3)}): the source in fp32 does not know this output any better itself"
    )


def _broken(limit: Limit, value: float, scale: float) -> str:
    """Say how a value breaks its limit, or nothing."""
    relation = _relation(limit, value, scale)
    bound = limit.at_most if relation == _ABOVE else limit.at_least
    if not relation or bound is None:
        return ""
    shown = _distinct(value, bound * scale if limit.of_scale else bound)
    of_scale = f" ({format_number(bound)} of scale {format_number(scale, 3)})" if limit.of_scale else ""
    asked = f"allowed {shown[1]}" if relation == _ABOVE else f"at least {shown[1]} required"
    return f"{shown[0]}, {asked}{of_scale}"


def _first_step(limit: Limit, output: OutputFigures) -> str:
    """Say at which step of the sequences a limit on the largest difference is passed first; "" where there are none."""
    if limit.metric != "max_abs" or limit.at_most is None:
        return ""
    allowed = limit.at_most * (output.scale if limit.of_scale else 1.0)
    above = [at for at, figure in enumerate(output.by_step) if not figure.max_abs <= allowed]
    if not above:
        return ""
    step = output.by_step[above[0]].step
    before = output.by_step[above[0] - 1].step if above[0] else -1
    return f", first at step {step}" if step == before + 1 else f", first after step {before} and by step {step}"


def _in_words(metric: str) -> str:
    """Return a metric's title; "max", "min" and "mean" alone do not say of what."""
    title = METRIC_NAMED[metric].info.title
    return f"{title} difference" if metric.endswith("_abs") else title


_ABOVE, _BELOW = "above", "below"


def _relation(limit: Limit, value: float, scale: float) -> str:
    """Return on which side a value breaks its limit, "" where it holds; NaN breaks every limit."""
    factor = scale if limit.of_scale else 1.0
    if limit.at_most is not None and not value <= limit.at_most * factor:
        return _ABOVE
    if limit.at_least is not None and not value >= limit.at_least * factor:
        return _BELOW
    return ""


def _distinct(value: float, bound: float) -> tuple[str, str]:
    """Write both numbers with as many digits as tell them apart."""
    for digits in range(2, 17):
        pair = format_number(value, digits), format_number(bound, digits)
        if pair[0] != pair[1]:
            return pair
    return repr(value), repr(bound)


def _is_noise(limit: Limit, output: OutputFigures, noise: float) -> bool:
    """Tell whether noise can be what broke a limit: it is as large, and makes the figure worse on that side.

    Noise that is no finite number is not known, and excuses nothing.
    """
    info, value = METRIC_NAMED[limit.metric].info, output.figures[limit.metric]
    worse = _ABOVE if info.better is Better.LOWER else _BELOW
    if not math.isfinite(noise) or value is None or _relation(limit, value, output.scale) != worse:
        return False
    if limit.metric in _OF_FLIPS:
        # Two scores that each move by the noise swap when they are closer than twice the noise; a threshold stays.
        moving = 1 if output.task is not None and output.task.kind is TaskKind.THRESHOLD else 2
        margin = output.flips.flipped_margin if output.flips is not None else None
        return margin is not None and margin <= moving * noise
    maximum = output.figures.get("max_abs")
    return info.of_difference and maximum is not None and maximum <= noise


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
