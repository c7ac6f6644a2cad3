"""The cause of a difference, from the rungs at which one thing changes at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlparity.core.finiteness import left_out_note, mismatches
from mlparity.core.numbers import format_number
from mlparity.core.words import DEFAULT_TARGET, Precision, Verdict
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.figures import OutputFigures
from mlparity.record.policy import NOISE_FACTOR
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, Rung, SettingResult
from mlparity.targets.table import leading, target_named, title_of

# What a faithful fp32 run may differ by, of the output's scale: about 17 units in the last place of fp32 (assumed).
_FP32_BOUND = 2e-6
# How many times the fp32 difference counts as clearly more (assumed; fp16's unit is 8,192 times fp32's).
_CLEARLY = 4.0
_SINGULAR = {"have": "has", "differ": "differs"}


@dataclass(frozen=True, slots=True)
class _Rung:
    """The settings of one rung.

    It is shown to agree where it `agrees` and `is_shown`: all that belongs to it was compared.
    """

    settings: tuple[SettingResult, ...]
    agrees: bool
    is_shown: bool

    @property
    def exists(self) -> bool:
        return bool(self.settings)


def find_cause(
    settings: Sequence[SettingResult],
    noise: Sequence[Noise] = (),
    rungs: Sequence[Rung] = (),
    noise_factor: float = NOISE_FACTOR,
) -> Cause:
    """Return why artifacts differ from the source, as far as the compared settings, and the rungs below them, tell.

    A setting agrees when it passes its policy, or when every output's largest difference is within 2e-6 of the
    scale or `noise_factor` times the source's own noise. Precision: the fp32 settings agree and fp16 differs clearly
    (by four times as much as fp32, and more than the bound). Compute unit: so does fp16, but in ideal arithmetic it
    agrees, or passes where units fail. Converter: fp32 differs while another runtime's fp32, the witness, agrees. All
    of this is said of the leading target; the others are witnesses.
    """
    compared = [row for row in settings if row.state is RowState.COMPARED and (row.outputs or row.unlike)]
    by_output = _excused(noise, noise_factor)
    target = leading(row.setting.target for row in compared)
    title = title_of(target if target else DEFAULT_TARGET)
    unlike = [row for row in compared if row.setting.target == target and row.unlike]
    if unlike:
        return Cause(CauseKind.CONVERTER, _reshaped(unlike, title))
    compared = [row for row in compared if row.outputs and not row.unlike]
    judged = [row for row in compared if row.setting.target == target]
    fp32 = _rung([row for row in judged if row.setting.precision is Precision.FP32], by_output)
    fp16 = _rung([row for row in judged if row.setting.precision is Precision.FP16], by_output)
    beside = [row for row in compared if row.setting.target != target]
    others = _rung([row for row in beside if row.setting.precision is Precision.FP32], by_output)
    others16 = _rung([row for row in beside if row.setting.precision is Precision.FP16], by_output)
    if not compared:
        return Cause(CauseKind.UNKNOWN, "Nothing was compared, so nothing can be said about the cause.")
    if fp32.exists and not fp32.agrees:
        return _fp32_differs(fp32, others, title)
    if fp32.exists and fp32.is_shown and fp16.exists and _differs_clearly(fp16, fp32, by_output):
        return _fp16_differs(fp32, fp16, rungs, by_output)
    if all(rung.agrees for rung in (fp32, fp16, others, others16) if rung.exists):
        return _no_larger([row for row in settings if row.state is RowState.COMPARED])
    return Cause(CauseKind.UNKNOWN, _unknown(fp32, (fp16, others, others16), title))


def row_to_explain(
    cause: Cause,
    settings: Sequence[SettingResult],
    noise: Sequence[Noise] = (),
    noise_factor: float = NOISE_FACTOR,
) -> SettingResult | None:
    """Return the row whose artifact shows more of the cause, of those that our engine runs.

    It is the worst in fp16 where fp16 alone differs, else the worst in fp32, even one that passes, for a small
    difference that fp32 does not explain may be a conversion's. None where every such setting agrees to fp32's
    rounding, or none was compared.
    """
    by_output = _excused(noise, noise_factor)
    compared = [row for row in settings if row.state is RowState.COMPARED]
    ours = [row for row in compared if target_named(row.setting.target).engine is not None]
    unlike = next((row for row in ours if row.unlike), None)
    if unlike is not None:
        return unlike
    ours = [row for row in ours if row.outputs]
    for precision in (Precision.FP16,) if cause.kind in _OF_FP16 else (Precision.FP32, Precision.FP16):
        rows = [row for row in ours if row.setting.precision is precision]
        worst = max(rows, key=lambda row: _row_excess(row, by_output), default=None)
        if worst is not None and _row_excess(worst, by_output) > 1:
            return worst
    return None


Excused = Mapping[str, float]
"""By its name, what difference of an output the source's own noise excuses."""


def _excused(noise: Sequence[Noise], factor: float) -> Excused:
    return {entry.output: factor * entry.max_abs for entry in noise if entry.is_known}


_OF_FP16 = frozenset({CauseKind.PRECISION, CauseKind.COMPUTE_UNIT})


def _rung(rows: Sequence[SettingResult], noise: Excused) -> _Rung:
    agrees = all(row.verdict is Verdict.PASS or _row_excess(row, noise) <= 1 for row in rows)
    is_shown = all(row.verdict is not Verdict.UNKNOWN for row in rows)
    return _Rung(tuple(rows), agrees, is_shown)


def _worst_excess(rows: Sequence[SettingResult | Rung], noise: Excused) -> float:
    return max(_row_excess(row, noise) for row in rows)


def _row_excess(row: SettingResult | Rung, noise: Excused) -> float:
    return max(_excess(output, noise.get(output.output, 0.0)) for output in row.outputs)


def _excess(output: OutputFigures, noise: float = 0.0) -> float:
    """Return the largest difference over what fp32 explains.

    It is infinite where a NaN or an infinity has no equal, and where no position is finite on both sides: nothing was
    compared there.
    """
    difference = output.figures.get("max_abs")
    if mismatches(output.figures) or difference is None:
        return float("inf")
    if not difference:
        return 0.0
    bound = max(_FP32_BOUND * output.scale, noise)
    return difference / bound if bound else float("inf")


def _differs_clearly(fp16: _Rung, fp32: _Rung, noise: Excused) -> bool:
    excess = _worst_excess(fp16.settings, noise)
    return excess > 1 and excess > _CLEARLY * _worst_excess(fp32.settings, noise)


def _reshaped(rows: Sequence[SettingResult], name: str) -> str:
    found = list(dict.fromkeys(reason for row in rows for reason in row.unlike))
    where = ", ".join(str(row.setting) for row in rows)
    return f"The conversion to {name} gives other outputs than the source has ({where}): {'; '.join(found[:_SHAPES])}."


_SHAPES = 3


def _no_larger(rows: Sequence[SettingResult]) -> Cause:
    """Say that no difference is larger than fp32 explains: agreement only where all was compared, and passes."""
    shown = _show(row for row in rows if row.outputs)
    rest = [row for row in rows if row.verdict is not Verdict.PASS]
    if not rest:
        return Cause(CauseKind.NONE, f"All compared settings agree with the source: {shown}.")
    named = "; ".join(f"{row.setting} ({row.verdict}{_first_reason(row)})" for row in rest)
    text = (
        f"No difference that was seen is larger than fp32's rounding explains ({shown}), and yet not all pass: {named}."
    )
    return Cause(CauseKind.NONE if all(row.verdict is Verdict.FAIL for row in rest) else CauseKind.UNKNOWN, text)


def _first_reason(row: SettingResult) -> str:
    return f": {row.reasons[0]}" if row.reasons else ""


def _fp32_differs(fp32: _Rung, others: _Rung, name: str) -> Cause:
    if others.exists and others.agrees and not any(row.verdict is Verdict.FAIL for row in fp32.settings):
        return Cause(
            CauseKind.UNKNOWN, f"{_show(fp32.settings)}, which could not be judged, while {_show(others.settings)}."
        )
    if others.exists and others.agrees and others.is_shown:
        return Cause(
            CauseKind.CONVERTER,
            f"The conversion to {name} changes the model: {_show(fp32.settings)} although no fp16 is involved, while"
            f" {_show(others.settings)}.",
        )
    witness = "no other runtime was run as a witness"
    if others.exists:
        verb = "could not be compared in full" if others.agrees else "differs too"
        witness = f"the witness {verb}: {_show(others.settings)}"
    return Cause(CauseKind.UNKNOWN, f"{_show(fp32.settings)} although no fp16 is involved; {witness}.")


def _fp16_differs(fp32: _Rung, fp16: _Rung, rungs: Sequence[Rung], noise: Excused) -> Cause:
    """Tell what fp16 itself does from what the units add to it; a pass of the policy counts as agreement."""
    agrees = f"The same conversion agrees with the source in fp32 ({_show(fp32.settings)})"
    ideal = [rung for rung in rungs if rung.precision is Precision.FP16 and rung.outputs]
    failing = [row for row in fp16.settings if row.verdict is Verdict.FAIL]
    if not ideal:
        return Cause(CauseKind.PRECISION, f"{agrees} and differs in fp16 ({_show(fp16.settings)}).")
    excess = _worst_excess(ideal, noise)
    shown = f"in fp16 with ideal arithmetic it {_verb(ideal)}"
    if failing and all(rung.verdict is Verdict.PASS or _is_within(rung, excess) for rung in ideal):
        units = _show(failing)
        return Cause(
            CauseKind.COMPUTE_UNIT,
            f"{agrees}, and {shown}, which passes; what the compute units add does not: {units}.",
        )
    added = (
        f", and the compute units add to it ({_show(fp16.settings)})"
        if _worst_excess(fp16.settings, noise) > _CLEARLY * excess
        else f" ({_show(fp16.settings)})"
    )
    return Cause(CauseKind.PRECISION, f"{agrees} and differs in fp16: {shown}{added}.")


def _is_within(rung: Rung, excess: float) -> bool:
    return excess <= 1 and rung.verdict is not Verdict.UNKNOWN


def _verb(rungs: Sequence[Rung]) -> str:
    verb, figure = _largest(max(rungs, key=lambda rung: _row_excess(rung, {})))
    return f"{_SINGULAR[verb]} {figure}"


def _unknown(fp32: _Rung, others: tuple[_Rung, ...], name: str) -> str:
    if fp32.exists:
        rest = [rung for rung in others if rung.exists and not rung.agrees]
        shown = "; ".join(_show(rung.settings) for rung in rest)
        verb = "agree" if fp32.is_shown else "show no difference where they could be compared"
        known = f"The fp32 settings of {name} {verb} ({_show(fp32.settings)})"
        return f"{known}; what else differs has no clear cause: {shown}."
    shown = _show(row for rung in (fp32, *others) for row in rung.settings)
    return f"{shown}; no fp32 setting of {name} was compared that could tell precision from conversion."


def _show(rows: Iterable[SettingResult]) -> str:
    """Name each group of settings that share their figures, with the largest difference of each."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        groups.setdefault(_largest(row), []).append(str(row.setting))
    return "; ".join(
        f"{', '.join(names)} {verb if len(names) > 1 else _SINGULAR[verb]} {figure}"
        for (verb, figure), names in groups.items()
    )


def _largest(row: SettingResult | Rung) -> tuple[str, str]:
    output = max(row.outputs, key=lambda entry: _excess(entry))
    bad = mismatches(output.figures)
    if bad:
        return "have", f"{bad} NaN or infinite mismatches in {output.output}"
    difference = output.figures.get("max_abs")
    if difference is None:
        return "have", f"no position in {output.output} that is finite on both sides"
    note = left_out_note(output.figures, output.elements)
    return "differ", f"by at most {format_number(difference)} on scale {format_number(output.scale, 3)}{note}"
