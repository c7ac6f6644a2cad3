"""The ladder as bars: from the source's own noise upwards, what each run adds to the difference of one output."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mlparity.core.finiteness import mismatches
from mlparity.core.numbers import format_count, format_number
from mlparity.core.words import Precision, Provenance, Verdict
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.envelopes import variants_in
from mlparity.record.record import Record
from mlparity.record.rows import SettingResult
from mlparity.report.axis import Decades
from mlparity.report.rows import comparisons_of, groups_of
from mlparity.targets.table import leading, targets


@dataclass(frozen=True, slots=True)
class Line:
    """One run: its largest difference, and that of the run below it, to which it adds one thing.

    `value` is None where nothing was compared and infinite where a NaN or an infinity has no equal. `below` is None of
    the first. `text` and `added` are what a reader sees; `left` and `right` are the ends of what was added and `mark`
    the position of the value, in percent of the axis. `decides` is set where the cause rests on this run. `settings`
    are those that may run so.
    """

    name: str
    detail: str
    provenance: str
    verdict: str
    value: float | None
    below: float | None
    text: str = ""
    added: str = ""
    left: float = 0.0
    right: float = 0.0
    decides: bool = False
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ladder:
    """The lines of one output on one axis of decades; `floor` and `limit` are positions on it, None if there is none.

    `ticks` are (position, text) in percent.
    """

    output: str
    scale: float
    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, str], ...]
    floor: float | None
    limit: float | None
    limit_text: str


LADDERS_SHOWN = 3
"""For how many outputs the ladder is shown."""


def ladders_of(record: Record) -> tuple[Ladder, ...]:
    """Return the ladders of the outputs that differ most for their scale."""
    shown = comparisons_of(groups_of(record))[:LADDERS_SHOWN]
    return tuple(
        ladder_of(record, comparison.output, max(output.scale for _, output in comparison.entries))
        for comparison in shown
    )


def ladder_of(record: Record, output: str, scale: float) -> Ladder:
    """Return the ladder of an output that some setting was compared on."""
    lines = tuple(_lines(record, output))
    limit = limit_of(record, output, scale)
    noise = next((noise.max_abs for noise in record.noise if noise.output == output and noise.is_known), None)
    axis = Decades.over((limit, *(line.value for line in lines)))
    return Ladder(
        output,
        scale,
        tuple(_placed(_deciding(line, record.cause, lines), axis) for line in lines),
        axis.ticks(),
        axis.position(noise) if noise else None,
        axis.position(limit) if limit else None,
        "" if limit is None else format_number(limit),
    )


def _placed(line: Line, axis: Decades) -> Line:
    if line.value is None:
        return line
    ends = sorted((axis.position(line.value), axis.position(line.below or 0.0)))
    return replace(line, left=ends[0], right=ends[1], added=_added(line.value, line.below))


def _added(value: float, below: float | None) -> str:
    """Say how many times the difference of the run below this one is."""
    if not below or not math.isfinite(value) or not math.isfinite(below):
        return ""
    times = value / below
    return "as before" if 0.95 <= times < 1.05 else f"×{format_number(times)}"


def _lines(record: Record, output: str) -> Iterator[Line]:
    noise = next((noise.max_abs for noise in record.noise if noise.output == output and noise.is_known), None)
    if noise is not None:
        yield Line("the source itself", "in fp32 against fp64", str(Provenance.MEASURED), "", noise, None, _text(noise))
    lead = leading(row.setting.target for row in record.settings)
    judged = [row for row in record.settings if row.setting.target == lead]
    for form in dict.fromkeys(_form(row) for row in judged):
        own = [row for row in judged if _form(row) == form]
        yield from _typed(record, own, output, noise)
    below = noise
    networks = [row for row in judged if row.setting.precision is Precision.NEURAL_NETWORK]
    for line in _settings([row for row in networks if row.setting.computes_in is Precision.FP32], output, noise):
        below = line.value
        yield line
    yield from _narrow(record, Precision.NEURAL_NETWORK, networks, output, below)
    for target in (other.name for other in targets() if other.name != lead):
        yield from _others([row for row in record.settings if row.setting.target == target], output, noise)


def _form(row: SettingResult) -> tuple[str, str]:
    return row.setting.compression, row.setting.deployment


def _typed(record: Record, rows: list[SettingResult], output: str, noise: float | None) -> Iterator[Line]:
    """Yield the lines of ML Programs: fp32, what GPUs may make of it, ideal fp16, and what the units make of that."""
    below, artifacts = noise, {row.artifact for row in rows}
    fp32 = [row for row in rows if row.setting.precision is Precision.FP32]
    emulated = [row for row in fp32 if row.envelope is not None]
    for line in _settings([row for row in fp32 if row not in emulated], output, noise):
        below = line.value
        yield line
    yield from _narrow(record, Precision.FP32, emulated, output, below)
    for rung in (rung for rung in record.rungs if rung.artifact in artifacts):
        figures = next((other.figures for other in rung.outputs if other.output == output), {})
        value = _value(figures)
        yield Line(
            rung.name, rung.meaning, str(rung.provenance), str(rung.verdict), value, below, _text(value, figures)
        )
        below = value
    yield from _narrow(record, Precision.FP16, rows, output, below)


def _narrow(
    record: Record, precision: Precision, rows: list[SettingResult], output: str, below: float | None
) -> Iterator[Line]:
    """Yield the lines of what units compute: each variant, and each setting in fp16 that is not emulated."""
    names = {str(row.setting) for row in rows}
    for variant in variants_in(record):
        if variant.precision is not precision or not names.intersection(variant.settings):
            continue
        figures = variant.run.figures.get(output, {})
        value = _value(figures)
        yield Line(
            name=variant.run.name,
            detail=f"{variant.run.confidence}; {', '.join(variant.settings)}",
            provenance=str(variant.provenance),
            verdict=str(variant.run.verdict),
            value=value,
            below=below,
            text=_text(value, figures),
            settings=variant.settings,
        )
    plain = [row for row in rows if row.setting.precision is precision and row.envelope is None]
    yield from _settings([row for row in plain if row.setting.computes_in is Precision.FP16], output, below)


def _others(rows: list[SettingResult], output: str, noise: float | None) -> Iterator[Line]:
    """Yield the lines of another target: its fp32 stands on the noise, its fp16 on its fp32."""
    below = noise
    for precision in Precision:
        lines = list(_settings([row for row in rows if row.setting.precision is precision], output, below))
        yield from lines
        below = lines[-1].value if lines else below


def _settings(rows: list[SettingResult], output: str, below: float | None) -> Iterator[Line]:
    """Yield a line for the settings that share figures, provenance and verdict."""
    groups: dict[tuple[str, str, str], list[tuple[str, Mapping[str, float | None], str]]] = {}
    for row in rows:
        figures = next((compared.figures for compared in row.outputs if compared.output == output), None)
        if figures is not None:
            key = (_text(_value(figures), figures), str(row.provenance or ""), str(row.verdict))
            groups.setdefault(key, []).append((str(row.setting), figures, row.runtime))
    for (text, provenance, verdict), members in groups.items():
        names = tuple(name for name, _, _ in members)
        value = _value(members[0][1])
        yield Line(", ".join(names), members[0][2], provenance, verdict, value, below, text, settings=names)


def _value(figures: Mapping[str, float | None]) -> float | None:
    return math.inf if mismatches(figures) else figures.get("max_abs")


def _text(value: float | None, figures: Mapping[str, float | None] | None = None) -> str:
    if value == math.inf and figures is not None:
        return f"{format_count(mismatches(figures))} NaN or infinite"
    return format_number(value)


def limit_of(record: Record, output: str, scale: float) -> float | None:
    """Return the policy's bound on the largest difference of an output; one for this output alone comes first."""
    found = [limit for limit in record.policy.limits if limit.metric == "max_abs" and limit.output in ("", output)]
    bounds = [limit for limit in sorted(found, key=lambda limit: not limit.output) if limit.at_most is not None]
    if not bounds or bounds[0].at_most is None:
        return None
    return bounds[0].at_most * (scale if bounds[0].of_scale else 1.0)


_RUNG_OF = {
    CauseKind.PRECISION: Precision.FP16,
    CauseKind.OVERFLOW: Precision.FP16,
    CauseKind.CONVERTER: Precision.FP32,
    CauseKind.PREPROCESSING: Precision.FP32,
    CauseKind.TRAINING_MODE: Precision.FP32,
    CauseKind.RUNTIME: Precision.FP32,
    CauseKind.WEIGHTS: Precision.FP32,
    CauseKind.COMPRESSION: Precision.FP16,
    CauseKind.BRANCH: Precision.FP32,
    CauseKind.WRITE: Precision.FP32,
    CauseKind.ORDER: Precision.FP32,
    CauseKind.SOURCE: Precision.FP32,
}
"""At which precision the first line that shows a cause stands."""


_OFF = ("failing", "units")
"""The roles that settings of units have in the evidence of a cause."""


def _deciding(line: Line, cause: Cause, lines: tuple[Line, ...]) -> Line:
    """Mark the run at which the difference begins: fp16 itself, the conversion, or the worst arithmetic of a unit."""
    emulated = [run for run in lines if run.provenance == Provenance.EMULATED]
    off = {name for found in cause.evidence for role in _OFF for name in found.settings.get(role, ())}
    units = [run for run in lines if off.intersection(run.settings)] or emulated
    if cause.kind is CauseKind.COMPUTE_UNIT and units:
        worst = max(units, key=lambda run: (run.verdict == Verdict.FAIL, run.value or 0.0))
        return replace(line, decides=line == worst)
    precision = _RUNG_OF.get(cause.kind)
    of_kind = [run for run in lines if precision is not None and run.name.startswith(str(precision))]
    first = of_kind or (emulated if precision is Precision.FP16 else [])
    return replace(line, decides=bool(first) and line == first[0])
