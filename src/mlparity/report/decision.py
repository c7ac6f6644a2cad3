"""Which setting to ship, in words: one sentence or two, and one paragraph for a reader who sees nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlparity.core.finiteness import left_out_note, mismatches
from mlparity.core.numbers import counted, format_number
from mlparity.core.words import DEFAULT_TARGET, Grade, Precision, Provenance, Setting, Verdict
from mlparity.record.decision import CONSISTENT_FIRST, Candidate, Decision, Speed
from mlparity.record.decisive import decisive
from mlparity.record.figures import Flips, OutputFigures
from mlparity.record.policy import Policy
from mlparity.record.record import Record, SamplesInfo
from mlparity.record.rows import RowState, SettingResult
from mlparity.targets.table import title_of


def recommendation_text(record: Record) -> str:
    """Return which setting to ship and why, or why none."""
    candidates = [row for row in decisive(record.settings) if not row.is_witness]
    best = next((row for row in candidates if row.setting == record.recommendation.setting), None)
    if best is not None:
        sentences = (_why(best, record.policy), *_others(best, candidates, _speeds(record.decision)))
        return " ".join(sentences)
    if record.decision is not None and record.decision.consistency_first:
        return _not_consistent(candidates)
    return _none(candidates, record.policy, any(row.is_witness for row in record.settings))


def decision_paragraph(record: Record) -> str:
    """Return all that speaks for the decision in plain text, for a pull request."""
    return " ".join(_sentences(record))


def _sentences(record: Record) -> Iterator[str]:
    yield _compared(record.source.name, record.samples, record.policy)
    rows = decisive(record.settings)
    if record.decision is not None:
        yield from _grades(record.decision.candidates)
        yield from _fastest(record.decision)
        if record.decision.consistency_first:
            yield "Consistency was asked for before speed."
    yield recommendation_text(record)
    yield from _figures(record.recommendation.setting, rows)


def _speeds(decision: Decision | None) -> Mapping[Setting, Speed]:
    candidates = () if decision is None else decision.candidates
    return {candidate.setting: candidate.speed for candidate in candidates if candidate.speed is not None}


def _not_consistent(candidates: Sequence[SettingResult]) -> str:
    found = next((row for row in candidates if str(row.setting) in CONSISTENT_FIRST), None)
    name = CONSISTENT_FIRST[0] if found is None else found.setting
    why = "was not compared" if found is None or found.state is not RowState.COMPARED else f"has {found.verdict}"
    return f"Consistency first asks for {name}, which {why}: nothing is recommended."


def _none(candidates: Sequence[SettingResult], policy: Policy, has_witnesses: bool) -> str:
    compared = [row for row in candidates if row.state is RowState.COMPARED]
    if not compared:
        return "No setting can be recommended: none was compared."
    whose = f" of {title_of(compared[0].setting.target or DEFAULT_TARGET)}" if has_witnesses else ""
    failing = f"No compared setting{whose} passes the policy {policy.name!r}. See the reasons in the table"
    flips = [output.flips for row in candidates for output in row.outputs if output.flips is not None]
    most = max(flips, key=lambda found: found.flipped, default=None)
    if any(mismatches(output.figures) for row in compared for output in row.outputs):
        return f"{failing}: outputs are NaN or infinite where the source's are not, which no policy excuses."
    if policy.name == _TASK or any(not _has_no_flip(row) for row in candidates if row.outputs):
        return f"{failing}{_changed(most)}."
    return (
        f"{failing}; if the differences do no harm to your task, verify again with a policy that measures the harm"
        " (--policy task)."
    )


def _changed(most: Flips | None) -> str:
    if most is None:
        return ""
    classes = f"up to {most.flipped} of {most.samples} top classes" if most.flipped else "no top class"
    return f"; they change {classes}"


_TASK = "task"
"""The name of the built-in policy that allows differences without harm."""


def _has_no_flip(row: SettingResult) -> bool:
    return all(output.flips is None or not output.flips.flipped for output in row.outputs)


def _why(best: SettingResult, policy: Policy) -> str:
    how = f" ({best.provenance})" if best.provenance is not None else ""
    return f"Ship {best.setting}: it passes the policy {policy.name!r}{how}{_dependence(best)}."


def _dependence(best: SettingResult) -> str:
    if best.provenance is Provenance.MEASURED or best.setting.compute_unit is None:
        return ""
    if best.depends_on_unshown:
        return ", but the arithmetic of its processors is not shown until a device measures it"
    if best.provenance is Provenance.EMULATED and best.setting.depends_on_device:
        return " in every variant of its processors that was run; a device can still show another"
    if best.provenance is Provenance.EMULATED and best.setting.computes_in is Precision.FP16:
        return " in every variant of the CPU that was run"
    return "; it runs on the CPU alone, whose arithmetic is known best"


def _others(best: SettingResult, candidates: Sequence[SettingResult], speeds: Mapping[Setting, Speed]) -> Iterator[str]:
    failing = [str(row.setting) for row in candidates if row.verdict is Verdict.FAIL]
    if failing:
        yield f"Failing: {', '.join(failing)}."
    passing = [row for row in candidates if row.verdict is Verdict.PASS and row.state is RowState.COMPARED]
    if best.provenance is Provenance.EMULATED:
        yield from _computed(passing)
    worth = [
        row
        for row in passing
        if row is not best and row.setting.depends_on_device and not _is_slower(row, best, speeds)
    ]
    for provenance, how in _HOW_IT_PASSES.items():
        names = [str(row.setting) for row in worth if row.provenance is provenance]
        if names:
            may = f"{', '.join(names)} may be faster and {'passes' if len(names) == 1 else 'pass'} {how}"
            yield f"{may}: measure on a device before you ship one of them."


def _computed(passing: Sequence[SettingResult]) -> Iterator[str]:
    """Name what passes too and depends on no device."""
    rows = [row for row in passing if not row.setting.depends_on_device and row.provenance is Provenance.COMPUTED]
    names = [str(row.setting) for row in rows]
    if names:
        verbs = ("passes", "depends") if len(names) == 1 else ("pass", "depend")
        yield f"{', '.join(names)} {verbs[0]} too (computed), and {verbs[1]} least on a device."


def _is_slower(row: SettingResult, best: SettingResult, speeds: Mapping[Setting, Speed]) -> bool:
    known = speeds.get(row.setting), speeds.get(best.setting)
    return known[0] is not None and known[1] is not None and known[0].rank > known[1].rank


_HOW_IT_PASSES = {
    Provenance.COMPUTED: "in reference arithmetic, which may not be that of the unit itself",
    Provenance.EMULATED: "in every plausible arithmetic of their units that was run, which is not the unit itself",
}


def _compared(name: str, samples: SamplesInfo, policy: Policy) -> str:
    count = counted(samples.count, "sample")
    return (
        f"{name} was converted and compared with its PyTorch source on {count}"
        f" ({samples.description}) under the policy {policy.name!r}."
    )


def _grades(candidates: Sequence[Candidate]) -> Iterator[str]:
    for grade in Grade:
        names = [str(candidate.setting) for candidate in candidates if candidate.grade is grade]
        if names:
            yield f"{grade.capitalize()}: {', '.join(names)}."


def _fastest(decision: Decision) -> Iterator[str]:
    fastest = next((candidate for candidate in decision.candidates if candidate.setting == decision.fastest), None)
    if fastest is None or fastest.speed is None:
        return
    speed = fastest.speed
    place = f"{fastest.setting}, rank {speed.rank} of {len(_ranked(decision))}"
    if speed.latency is None:
        yield f"Fastest of those that pass and are shown: {place}, {speed.provenance} by {speed.basis}, not timed."
        return
    spread = f"{format_number(speed.latency.low_ms)} to {format_number(speed.latency.high_ms)}"
    yield (
        f"Fastest of those that pass and are shown: {place}, {format_number(speed.latency.median_ms)} ms"
        f" ({spread}, {speed.latency.runs} predictions, {speed.provenance} on {speed.basis})."
    )


def _ranked(decision: Decision) -> list[Candidate]:
    return [candidate for candidate in decision.candidates if candidate.speed is not None]


def _figures(setting: Setting | None, rows: Sequence[SettingResult]) -> Iterator[str]:
    for row in rows:
        if row.setting == setting and row.state is RowState.COMPARED:
            differences = "; ".join(_difference(output) for output in row.outputs)
            yield f"Largest differences of {setting} ({row.provenance}): {differences}."


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
