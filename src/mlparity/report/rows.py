"""A record as people read it: rows, groups of settings with equal figures, and numbers as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from mlparity.core.finiteness import left_out, mismatches, positions_text
from mlparity.core.numbers import format_cosine, format_number
from mlparity.core.words import Verdict
from mlparity.record.envelopes import span_text, spans_of
from mlparity.record.figures import Flips, OutputFigures, Span, TaskFigure
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.texts import certainty_text, flips_text, size_text

_STATE_WORDS = {RowState.NOT_APPLICABLE: "not applicable", RowState.FAILED: "could not run"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell: its text, and what it is sorted by (None and NaN sort last)."""

    text: str
    sort: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of the main table; `cells` is empty where nothing was compared.

    The figures are those of `output`, the one that differs most for its scale, but flips are those of the output with
    the most. `chip` is the style of the verdict. An emulated row tells its confidence and how many variants it stands
    for.
    """

    setting: str
    provenance: str
    certainty: str
    chip: str
    verdict_word: str
    output: str
    cells: tuple[Cell, ...]
    note: str
    reasons: tuple[str, ...]
    is_recommended: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """Why some settings have the verdict that they have."""

    settings: tuple[str, ...]
    chip: str
    verdict_word: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Settings of one provenance and runtime whose figures are the same, to be shown once.

    `variant` is the one that dominates an emulated setting, with its confidence.
    """

    settings: tuple[str, ...]
    provenance: str
    variant: str
    runtime: str
    outputs: tuple[OutputFigures, ...]
    task_figures: tuple[TaskFigure, ...] = ()

    @property
    def title(self) -> str:
        """The settings as a list."""
        return ", ".join(self.settings)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output, and what each group of settings made of it."""

    output: str
    entries: tuple[tuple[Group, OutputFigures], ...]

    @property
    def names(self) -> frozenset[str]:
        """The figures that any of the entries has."""
        return frozenset(name for _, output in self.entries for name in output.figures)


_COLUMNS = ("max", "of scale", "min", "mean", "cosine", "flips")
_NOT_FINITE = ("NaN", "inf")


def columns_of(record: Record) -> tuple[str, ...]:
    """Return the heads of a row's cells; of NaN and infinities where there are any, of sizes where weights compress."""
    outputs = (output for result in record.settings for output in result.outputs)
    is_left_out = any(left_out(output.figures) for output in outputs)
    return (*_COLUMNS, *(_NOT_FINITE if is_left_out else ()), *((SIZE,) if has_sizes(record) else ()))


SIZE = "size"
"""The head of the artifacts' sizes."""


def has_sizes(record: Record) -> bool:
    """Return whether the settings differ in how weights are stored, so that the sizes of the artifacts matter."""
    return any(row.setting.compression for row in record.settings)


def sizes_of(record: Record) -> dict[str, int]:
    """Return the size of each artifact by its path, in bytes."""
    return {artifact.path: artifact.size_bytes for artifact in record.artifacts}


def rows_of(record: Record) -> tuple[Row, ...]:
    """Return the main table, in the record's order."""
    count = len([name for name in columns_of(record) if name != SIZE])
    sizes = sizes_of(record) if has_sizes(record) else {}
    rows = []
    for result in record.settings:
        row, size = _row(result, result.setting == record.recommendation.setting), sizes.get(result.artifact)
        cells = (*row.cells[:count], *(() if size is None else (Cell(size_text(size), size),)))
        rows.append(replace(row, cells=cells if row.cells else ()))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class SharedRow:
    """A row of the main table that several settings share, because all that it shows is the same."""

    settings: tuple[str, ...]
    row: Row


def shared_rows(rows: Sequence[Row]) -> tuple[SharedRow, ...]:
    """Return the rows, those that are equal but for the setting once; the recommended one stands for itself."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        shown = tuple(getattr(row, field.name) for field in fields(row) if field.name != "setting")
        found.setdefault(shown, []).append(row)
    return tuple(SharedRow(tuple(row.setting for row in each), each[0]) for each in found.values())


def remarks_of(rows: tuple[Row, ...]) -> tuple[Remark, ...]:
    """Return notes and reasons, limits that broke first, each once with the settings that it holds for."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    broken = [(row, text) for row in rows if row.chip == str(Verdict.FAIL) for text in row.reasons]
    told = [(row, text) for row in rows for text in (row.note, *row.reasons) if text]
    for row, text in (*broken, *told):
        found.setdefault((row.chip, row.verdict_word, text), {}).setdefault(row.setting)
    return tuple(Remark(tuple(names), chip, word, text) for (chip, word, text), names in found.items())


def patterns_of(names: Sequence[str], record: Record) -> list[str]:
    """Return the settings as patterns where they are all settings of a format: `fp16/*` for its four units."""
    groups: dict[str, list[str]] = {}
    for result in record.settings:
        groups.setdefault(str(result.setting).rpartition("/")[0], []).append(str(result.setting))
    found: dict[str, None] = {}
    for name in names:
        form = name.rpartition("/")[0]
        is_whole = len(groups[form]) > 1 and set(groups[form]) <= set(names)
        found[f"{form}/*" if is_whole else name] = None
    return list(found)


def comparisons_of(groups: tuple[Group, ...]) -> tuple[Comparison, ...]:
    """Return every output with the groups that have figures for it, the most different output first."""
    ranked = ranked_outputs(tuple(output for group in groups for output in group.outputs))
    names = dict.fromkeys(output.output for output in ranked)
    return tuple(
        Comparison(
            name, tuple((group, output) for group in groups for output in group.outputs if output.output == name)
        )
        for name in names
    )


def groups_of(record: Record) -> tuple[Group, ...]:
    """Return the compared settings, those with equal figures together, in the record's order."""
    groups: list[Group] = []
    for result in record.settings:
        if not result.outputs:
            continue
        group = Group(
            (str(result.setting),),
            _provenance(result),
            _variant(result),
            result.runtime,
            result.outputs,
            result.task_figures,
        )
        same = next((index for index, other in enumerate(groups) if _equal(other, group)), None)
        if same is None:
            groups.append(group)
        else:
            other = groups[same]
            groups[same] = replace(other, settings=other.settings + group.settings)
    return tuple(groups)


def ranked_outputs(outputs: tuple[OutputFigures, ...]) -> tuple[OutputFigures, ...]:
    """Return the outputs with those that differ most for their scale first."""
    return tuple(sorted(outputs, key=_share, reverse=True))


def _cells(output: OutputFigures, flips: Flips | None, spans: Mapping[str, Span]) -> tuple[Cell, ...]:
    """Ranges over the variants for largest and mean difference of an emulated setting; the others are the least."""
    figure = output.figures.get
    least = {name: spans[name].low if name in spans else figure(name) for name in ("min_abs", "cosine")}
    share = _share(output)
    plain = {
        name: Cell(span_text(spans.get(name), figure(name), format_number), figure(name))
        for name in ("max_abs", "mean_abs")
    }
    return (
        plain["max_abs"],
        Cell(format_number(share) if figure("max_abs") is not None else "–", share),
        Cell(format_number(least["min_abs"]), least["min_abs"]),
        plain["mean_abs"],
        Cell(format_cosine(least["cosine"]), least["cosine"]),
        Cell(flips_text(flips), flips.flipped if flips is not None else None),
        *(Cell(positions_text(output.figures, kind), figure(f"{kind}_positions")) for kind in ("nan", "inf")),
    )


def _row(result: SettingResult, is_recommended: bool) -> Row:
    worst = ranked_outputs(result.outputs)[0] if result.outputs else None
    return Row(
        setting=str(result.setting),
        provenance=_provenance(result),
        certainty=certainty_text(result),
        chip="neutral" if result.state is RowState.NOT_APPLICABLE else str(result.verdict),
        verdict_word=_STATE_WORDS.get(result.state, str(result.verdict)),
        output=worst.output if worst is not None else "",
        cells=_cells(worst, _most_flips(result), spans_of(result, worst)) if worst is not None else (),
        note="; ".join(filter(None, (result.note, steps_text(result, worst)))),
        reasons=result.reasons,
        is_recommended=is_recommended,
    )


def steps_text(result: SettingResult, worst: OutputFigures | None) -> str:
    """Say what became of tokens and labels, and how the largest difference goes over steps; "" without any of these."""
    told = (text(output) for output in result.outputs for text in (tokens_text, labels_text))
    return "; ".join(filter(None, (*told, growth_text(worst))))


def labels_text(output: OutputFigures) -> str:
    """Say how often both sides are right, and which classes changed; "" for samples without labels."""
    found = output.labels
    if found is None or not found.samples:
        return ""
    before, after = (f"{100 * right / found.samples:.4g}%" for right in (found.source_right, found.artifact_right))
    alone = f"right in the source alone {found.only_source_right}, in the artifact alone {found.only_artifact_right}"
    changes = [f"{kind.label}: {kind.source} to {kind.artifact} ({kind.samples})" for kind in found.changed]
    more = f" and {len(changes) - _SHOWN_CHANGES} kinds more" if len(changes) > _SHOWN_CHANGES else ""
    changed = f", changed {', '.join(changes[:_SHOWN_CHANGES])}{more}" if changes else ", no class changed"
    return (
        f"{output.output}, accuracy {before} in the source and {after} in the artifact over {found.samples:,} samples,"
        f" {alone} (McNemar's test: p = {format_number(found.p_value)}){changed}"
    )


_SHOWN_CHANGES = 5


def tokens_text(output: OutputFigures) -> str:
    """Say how often the best token stays, and where greedy decoding first takes another; "" for other outputs."""
    found = output.tokens
    if found is None:
        return ""
    before, after = (format_number(value, 4) for value in (found.source_perplexity, found.artifact_perplexity))
    agreed = f"{output.output}, best token the same at {found.agreed:,} of {found.positions:,} positions"
    margin = "" if found.divergence_margin is None else f" (margin {format_number(found.divergence_margin)})"
    other = f"another one first at {found.first_divergence}{margin}" if found.first_divergence else "no divergence"
    return f"{agreed}, {other}, perplexity {before} to {after}"


def growth_text(output: OutputFigures | None) -> str:
    """Say how the largest difference of an output goes over the steps of sequences; "" where there are none."""
    steps = () if output is None else output.by_step
    if output is None or len(steps) < 2:
        return ""
    chosen = sorted({len(steps) * part // (_SHOWN_STEPS - 1) for part in range(_SHOWN_STEPS - 1)} | {len(steps) - 1})
    largest = max(range(len(steps)), key=lambda at: steps[at].max_abs)
    told = (steps[at] for at in sorted({*chosen, largest}))
    return f"{output.output}, max difference by step: " + ", ".join(
        f"{figure.step}: {format_number(figure.max_abs)}" for figure in told
    )


_SHOWN_STEPS = 5


def _most_flips(result: SettingResult) -> Flips | None:
    found = [output.flips for output in result.outputs if output.flips is not None]
    return max(found, key=lambda flips: flips.flipped, default=None)


def _provenance(result: SettingResult) -> str:
    return "" if result.provenance is None else str(result.provenance)


def _share(output: OutputFigures) -> float:
    """Return the largest difference over the scale; infinite where a NaN or an infinity has no equal."""
    if mismatches(output.figures):
        return math.inf
    difference = output.figures.get("max_abs")
    if not difference:
        return 0.0
    return difference / output.scale if output.scale else math.inf


def _equal(first: Group, second: Group) -> bool:
    return replace(first, settings=()) == replace(second, settings=())


def _variant(result: SettingResult) -> str:
    if result.envelope is None:
        return ""
    run = next(run for run in result.envelope.runs if run.name == result.envelope.dominating)
    count = len(result.envelope.runs)
    return f"{'the one variant' if count == 1 else f'worst of {count} variants'}: {run.name} ({run.confidence})"
