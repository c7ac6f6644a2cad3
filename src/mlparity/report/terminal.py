"""A record as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from rich.text import Text

from mlparity.core.finiteness import left_out, positions_text
from mlparity.core.numbers import format_cosine, format_number
from mlparity.core.session import TensorSpec
from mlparity.core.words import Verdict
from mlparity.record.envelopes import span_text, spans_of, variants_in
from mlparity.record.figures import Flips, MetricInfo, OutputFigures, Span, TaskFigure
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.plain_table import Rows
from mlparity.report.rows import SIZE, has_sizes, patterns_of, remarks_of, rows_of, sizes_of
from mlparity.report.texts import one_line, size_text

STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNKNOWN: "yellow"}
_NO_SPANS: Mapping[str, Span] = MappingProxyType({})


_NUMBERS = frozenset({"max", "min", "mean", "NaN", "inf", "variants", SIZE})


def settings_table(record: Record) -> Rows:
    """Return the table of settings: a line for each setting and output, and the reason where there are no figures.

    An emulated figure is a range over the plausible variants; `variants_table` shows these.
    """
    several = len({figures.output for row in record.settings for figures in row.outputs}) > 1
    emulated = any(row.envelope is not None for row in record.settings)
    not_finite = _not_finite_columns(output for row in record.settings for output in row.outputs)
    table = _table(
        "setting",
        "provenance",
        *(("confidence", "variants") if emulated else ()),
        *(("output",) if several else ()),
        *_FIGURES,
        *not_finite,
        *((SIZE,) if has_sizes(record) else ()),
        "verdict",
    )
    sizes = sizes_of(record)
    for row in record.settings:
        size = size_text(sizes[row.artifact]) if row.artifact in sizes else ""
        for index, (*cells, verdict) in enumerate(_lines(row, several, emulated, not_finite)):
            table.add_row(*cells, *((size if index == 0 else "",) if has_sizes(record) else ()), verdict)
    return table


_FIGURES = ("max", "min", "mean", "cosine", "flips")
_EXPENDABLE = ("min", "confidence", "variants", "cosine", "chips", "mean", "limit", "location", "provenance")
"""Columns that a narrow terminal does without, the least important first."""


def _table(*names: str) -> Rows:
    table = Rows(padding=(0, 1), collapse_padding=True, expendable=_EXPENDABLE)
    for name in names:
        wraps = name in _FOLDED
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=not wraps, overflow="fold")
    return table


_FOLDED = frozenset({"settings", "chips", "output", "variant"})
"""Columns of lists and of long names, which may take several lines, so that no setting's name is cut."""


def _lines(
    row: SettingResult, several: bool, emulated: bool, not_finite: tuple[str, ...]
) -> Iterable[tuple[Text | str, ...]]:
    verdict = Text(str(row.verdict), STYLES[row.verdict])
    head = (
        str(row.setting),
        "" if row.provenance is None else str(row.provenance),
        *(_certainty(row) if emulated else ()),
    )
    if row.state is not RowState.COMPARED or not row.outputs:
        blank = ("",) * (len(_FIGURES) + len(not_finite) + several)
        yield (*head, *blank, verdict if row.state is RowState.COMPARED else Text(str(row.state), "dim"))
        return
    for index, figures in enumerate(row.outputs):
        name = (figures.output,) if several else ()
        cells = (*figure_cells(figures, spans_of(row, figures)), *_not_finite_cells(figures, not_finite))
        yield (*(head if index == 0 else ("",) * len(head)), *name, *cells, verdict if index == 0 else "")


def _certainty(row: SettingResult) -> tuple[str, str]:
    return ("", "") if row.envelope is None else (str(row.envelope.confidence), str(len(row.envelope.runs)))


def variants_table(record: Record) -> Rows:
    """Return the plausible variants of the emulated settings: who calculates so, how sure that is, and what it gives.

    A row shows the output that differs most; a star marks the variant that decides a setting. Settings are shown
    without their format where all have the same.
    """
    several = len({name.partition("/")[0] for variant in variants_in(record) for name in variant.settings}) > 1
    table = _table("variant", "chips", "confidence", "provenance", "max", "mean", "cosine", "verdict", "settings")
    for variant in variants_in(record):
        figures = max(variant.run.figures.values(), key=_difference, default={})
        names = {name: name if several else name.partition("/")[2] for name in variant.settings}
        units = [f"{shown}{'*' if name in variant.dominates else ''}" for name, shown in names.items()]
        table.add_row(
            variant.run.name,
            " ".join(variant.run.chips),
            str(variant.run.confidence),
            str(variant.provenance),
            format_number(figures.get("max_abs")),
            format_number(figures.get("mean_abs")),
            format_cosine(figures.get("cosine")),
            Text(str(variant.run.verdict), STYLES[variant.run.verdict]),
            " ".join(units),
        )
    return table


def hazards_table(record: Record) -> Rows:
    """Return the hazards, the nearest first: where, what was seen, what bounds it, and on which processors."""
    table = _table("hazard", "op", "location", "on", "seen", "limit", "margin", "confidence")
    for hazard in sorted(record.hazards, key=lambda hazard: hazard.margin):
        low, high = (format_number(value, 3) for value in hazard.seen)
        table.add_row(
            hazard.kind,
            hazard.op,
            hazard.location,
            " ".join(hazard.processors),
            low if low == high else f"{low}..{high}",
            format_number(hazard.limit, 5),
            f"{format_number(hazard.margin)}x",
            str(hazard.confidence),
        )
    return table


def reason_lines(record: Record) -> Iterator[tuple[str, str]]:
    """Yield why settings did not pass, were not compared, or passed in spite of something: text and style.

    Each reason stands once, with all settings that it holds for. What broke a limit comes last, nearest to the cause.
    """
    remarks = sorted(remarks_of(rows_of(record)), key=lambda remark: _ORDER.index(remark.chip))
    if len(remarks) > _MOST_REASONS:
        yield f"{len(remarks) - _MOST_REASONS} more reasons in the report", "dim"
    for remark in reversed(remarks[:_MOST_REASONS]):
        style = STYLES[Verdict.FAIL] if remark.chip == str(Verdict.FAIL) else "dim"
        yield (
            f"{remark.verdict_word}: {one_line(remark.text)} [{', '.join(patterns_of(remark.settings, record))}]",
            style,
        )


_ORDER = (*map(str, (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)), "neutral")
_MOST_REASONS = 8


def _difference(figures: Mapping[str, float | None]) -> float:
    value = figures.get("max_abs")
    return -1.0 if value is None else value


def figure_cells(figures: OutputFigures, spans: Mapping[str, Span] = _NO_SPANS) -> tuple[str, str, str, str, str]:
    """Return max, min, mean, cosine and flips as a table shows them: the range, the least cosine, the most flips."""
    values = figures.figures
    cosine = spans["cosine"].low if "cosine" in spans else values.get("cosine")
    flips = "–" if figures.flips is None else f"{_most_flips(figures.flips, spans)}/{figures.flips.samples}"
    largest, least, mean = (
        span_text(spans.get(name), values.get(name), format_number) for name in ("max_abs", "min_abs", "mean_abs")
    )
    return (largest, least.partition("..")[0], mean, format_cosine(cosine), flips)


def _most_flips(flips: Flips, spans: Mapping[str, Span]) -> int:
    high = spans["flips"].high if "flips" in spans else None
    return flips.flipped if high is None else int(high)


def task_lines(record: Record) -> Iterator[str]:
    """Yield what the settings do to the tasks that the table has no column for, settings with equal figures once."""
    settings: dict[str, list[str]] = {}
    for row in record.settings:
        for line in figure_lines(row.outputs, row.task_figures, record.metrics):
            settings.setdefault(line, []).append(str(row.setting))
    yield from (f"{', '.join(names)}: {line}" for line, names in settings.items())


def figure_lines(
    outputs: Iterable[OutputFigures], task_figures: Iterable[TaskFigure], metrics: Iterable[MetricInfo]
) -> Iterator[str]:
    """Yield what outputs show of their tasks, and the user's own metrics of them."""
    for output in outputs:
        kind = "" if output.task is None or output.task.guessed else str(output.task.kind)
        titles = {info.name: info.title for info in metrics if info.task == kind and info.name in output.figures}
        figures = [f"{title} {format_number(output.figures[name], 4)}" for name, title in titles.items() if kind]
        if figures:
            yield f"{output.output}: {', '.join(figures)}"
    for figure in task_figures:
        worst = f", worst {format_number(figure.worst, 4)} in {figure.worst_sample}" if figure.worst_sample else ""
        yield f"{figure.metric}: mean {format_number(figure.mean, 4)}{worst}"


def outputs_table(outputs: Sequence[OutputFigures]) -> Rows:
    """Return a table with a line for each output."""
    not_finite = _not_finite_columns(outputs)
    table = Rows("output", *_FIGURES, *not_finite)
    for figures in outputs:
        table.add_row(figures.output, *figure_cells(figures), *_not_finite_cells(figures, not_finite))
    return table


def _not_finite_columns(outputs: Iterable[OutputFigures]) -> tuple[str, ...]:
    """Return the heads of the columns for what the figures of differences leave out, none where they leave out none."""
    return ("NaN", "inf") if any(left_out(output.figures) for output in outputs) else ()


def _not_finite_cells(output: OutputFigures, columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(positions_text(output.figures, kind.lower()) for kind in columns)


def specs_table(title: str, specs: Iterable[TensorSpec], sizes: Mapping[str, str] = MappingProxyType({})) -> Rows:
    """Return a table of inputs, outputs or states; `sizes` are the shapes of those that may have several."""
    table = Rows(title, "shape", "type")
    for spec in specs:
        shape = "any" if spec.shape is None else " x ".join("?" if size is None else str(size) for size in spec.shape)
        table.add_row(spec.name, sizes.get(spec.name, shape), spec.dtype)
    return table
