"""A comparison of two sets of outputs as JSON, Markdown, HTML and JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlparity.core.numbers import counted, format_number
from mlparity.core.writing import write_whole
from mlparity.record.comparison import Comparison, comparison_text
from mlparity.record.figures import OutputFigures
from mlparity.report.escaping import escape
from mlparity.report.html import rendered
from mlparity.report.junit import one_case
from mlparity.report.terminal import figure_cells, figure_lines
from mlparity.report.texts import flips_sentence, limit_text

COLUMNS = ("output", "scale", "max", "min", "mean", "cosine", "flips")
"""The heads of the table of outputs."""


def comparison_summary(comparison: Comparison) -> str:
    """Return one sentence: what was compared, by which policy, and what came of it."""
    outputs, samples = counted(len(comparison.outputs), "output"), counted(comparison.samples, "sample")
    return (
        f"{comparison.other} against {comparison.reference}: {outputs} on {samples},"
        f" policy {comparison.policy.name}: {comparison.verdict}"
    )


def comparison_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Return the cells of the outputs under `COLUMNS`."""
    return [(output.output, format_number(output.scale, 3), *figure_cells(output)) for output in comparison.outputs]


def comparison_markdown(comparison: Comparison) -> str:
    """Return a comparison as Markdown."""
    return "\n".join(_lines(comparison)).rstrip() + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield from (f"# {escape(comparison.other)}: {comparison.verdict}", "", escape(comparison_summary(comparison)), "")
    yield from (f"- {escape(reason)}" for reason in comparison.reasons)
    yield from ("", f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}")
    yield from (f"| {' | '.join(map(escape, cells))} |" for cells in comparison_rows(comparison))
    yield ""
    yield from (f"- {escape(line)}" for line in notes_of(comparison))
    for output in comparison.outputs:
        if output.worst:
            yield from ("", f"Worst samples of {escape(output.output)}:", "")
            yield from (f"- {escape(name)}: {text}" for name, text in worst_of(output))
    yield from ("", f"## Policy {escape(comparison.policy.name)}", "")
    yield from (f"- {escape(limit_text(limit))}" for limit in comparison.policy.limits)


def notes_of(comparison: Comparison) -> tuple[str, ...]:
    """Return what outputs show of their tasks, and the user's own metrics of them."""
    flips = (
        f"{output.output}: {flips_sentence(output.flips, output.task)}"
        for output in comparison.outputs
        if output.flips is not None
    )
    return (*flips, *figure_lines(comparison.outputs, comparison.task_figures, comparison.metrics))


def worst_of(output: OutputFigures) -> list[tuple[str, str]]:
    """Return the samples that differ most, with their differences."""
    return [
        (worst.sample, f"max {format_number(worst.max_abs)}, mean {format_number(worst.mean_abs)}")
        for worst in output.worst
    ]


def comparison_html(comparison: Comparison) -> str:
    """Return a comparison as an HTML document that needs no network."""
    return rendered(
        "comparison.html.j2",
        comparison=comparison,
        summary=comparison_summary(comparison),
        columns=COLUMNS,
        rows=comparison_rows(comparison),
        notes=notes_of(comparison),
        worst=[(output.output, worst_of(output)) for output in comparison.outputs if output.worst],
    )


def comparison_junit(comparison: Comparison) -> str:
    """Return a suite with one case: the policy."""
    name, message = f"mlparity: {comparison.other}", "\n".join(comparison.reasons)
    return one_case(name, comparison.created, f"policy {comparison.policy.name}", comparison.verdict, message)


_FILES = {
    "comparison.json": comparison_text,
    "report.html": comparison_html,
    "report.md": comparison_markdown,
    "junit.xml": comparison_junit,
}

COMPARISON_FILES = tuple(_FILES)
"""The names of the files that `write_comparison` writes; the first holds the comparison itself."""


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write a comparison in each form into a folder.

    Raises:
        OutputError: a file cannot be written.
    """
    for name, make in _FILES.items():
        write_whole(folder / name, make(comparison).encode())
