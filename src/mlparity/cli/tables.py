"""Tables for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlparity.core.numbers import format_cosine, format_number
from mlparity.core.record import MetricInfo, OutputFigures, Record, RowState, SettingResult
from mlparity.core.session import TensorSpec
from mlparity.core.words import Verdict

STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNKNOWN: "yellow"}


def settings_table(record: Record) -> Table:
    """Return the table of settings: a line for each setting and output, and the reason where there are no figures."""
    several = len({figures.output for row in record.settings for figures in row.outputs}) > 1
    names = (
        "setting",
        "standing",
        *(("output",) if several else ()),
        "max",
        "min",
        "mean",
        "cosine",
        "flips",
        "verdict",
    )
    table = Table(box=None, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="bold")
    for name in names:
        table.add_column(name, justify="right" if name in ("max", "min", "mean") else "left", no_wrap=True)
    for row in record.settings:
        for cells in _lines(row, several):
            table.add_row(*cells)
    return table


def _lines(row: SettingResult, several: bool) -> Iterable[tuple[Text | str, ...]]:
    verdict = Text(str(row.verdict), STYLES[row.verdict])
    standing = "" if row.standing is None else str(row.standing)
    if row.state is not RowState.COMPARED or not row.outputs:
        blank = ("",) * (6 if several else 5)
        yield (str(row.setting), standing, *blank, Text(str(row.state), "dim"))
        return
    for place, figures in enumerate(row.outputs):
        first = place == 0
        name = (figures.output,) if several else ()
        yield (
            str(row.setting) if first else "",
            standing if first else "",
            *name,
            *figure_cells(figures),
            verdict if first else "",
        )


def figure_cells(figures: OutputFigures) -> tuple[str, str, str, str, str]:
    """Return max, min, mean, cosine and flips as a table shows them."""
    values = figures.figures
    flips = "–" if figures.flips is None else f"{figures.flips.flipped}/{figures.flips.samples}"
    numbers = tuple(format_number(values.get(name)) for name in ("max_abs", "min_abs", "mean_abs"))
    return (numbers[0], numbers[1], numbers[2], format_cosine(values.get("cosine")), flips)


def task_lines(record: Record) -> Iterator[str]:
    """Yield what the settings do to the tasks that the table has no column for, settings with equal figures once."""
    settings: dict[str, list[str]] = {}
    for row in record.settings:
        for line in _task_line(row, record.metrics):
            settings.setdefault(line, []).append(str(row.setting))
    yield from (f"{', '.join(names)}: {line}" for line, names in settings.items())


def _task_line(row: SettingResult, metrics: Iterable[MetricInfo]) -> Iterator[str]:
    for output in row.outputs:
        kind = "" if output.task is None or output.task.guessed else str(output.task.kind)
        titles = {info.name: info.title for info in metrics if info.task == kind and info.name in output.figures}
        figures = [f"{title} {format_number(output.figures[name], 4)}" for name, title in titles.items() if kind]
        if figures:
            yield f"{output.output}: {', '.join(figures)}"
    for figure in row.task_figures:
        worst = f", worst {format_number(figure.worst, 4)} in {figure.worst_sample}" if figure.worst_sample else ""
        yield f"{figure.metric}: mean {format_number(figure.mean, 4)}{worst}"


def outputs_table(outputs: Iterable[OutputFigures]) -> Table:
    """Return a table with a line for each output."""
    table = Table("output", "max", "min", "mean", "cosine", "flips", box=None, pad_edge=False, header_style="bold")
    for figures in outputs:
        table.add_row(figures.output, *figure_cells(figures))
    return table


def specs_table(title: str, specs: Iterable[TensorSpec]) -> Table:
    """Return a table of inputs or outputs."""
    table = Table(title, "shape", "type", box=None, pad_edge=False, header_style="bold")
    for spec in specs:
        shape = "any" if spec.shape is None else " x ".join("?" if size is None else str(size) for size in spec.shape)
        table.add_row(spec.name, shape, spec.dtype)
    return table


_FILE_WIDTH = 200
"""Columns of a table in a file or a pipe, where no line has to fit a screen."""


def stdout() -> Console:
    """Return the console for results; names from files are never read as markup."""
    width = None if sys.stdout.isatty() else _FILE_WIDTH
    return Console(markup=False, highlight=False, soft_wrap=True, width=width)
