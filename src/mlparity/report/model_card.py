"""A section for a model card: what was verified, how far it agrees, and how to load the model."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.finiteness import left_out_note, mismatches
from mlparity.core.numbers import counted, format_number
from mlparity.record.envelopes import dominating_profiles
from mlparity.record.figures import OutputFigures
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.causes import cause_sentence
from mlparity.report.decision import recommendation_text
from mlparity.report.escaping import escape
from mlparity.report.texts import certainty_text, flips_text


def model_card(record: Record) -> str:
    """Return the section as Markdown, to be pasted into a README; figures are those of the output that differs most."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: Record) -> Iterator[str]:
    yield "## Agreement with the PyTorch model"
    yield ""
    yield (
        f"{escape(record.source.name)} was compared with its PyTorch source on"
        f" {counted(record.samples.count, 'sample')} ({escape(record.samples.description)})"
        f" by mlparity {escape(record.mlparity_version)}."
    )
    yield escape(recommendation_text(record))
    yield ""
    yield "| setting | provenance | output | scale | max difference | mean difference | flips | verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    yield from (_row(row) for row in record.settings if row.state is RowState.COMPARED)
    yield ""
    yield f"Cause of the differences: {record.cause.kind}. {escape(cause_sentence(record))}"


def _row(row: SettingResult) -> str:
    if not row.outputs:
        return f"| {row.setting} | {row.provenance} | {escape('; '.join(row.unlike))} | – | – | – | – | {row.verdict} |"
    output = max(row.outputs, key=lambda output: (mismatches(output.figures) > 0, _share(output)))
    cells = (
        str(row.setting),
        " ".join(filter(None, (str(row.provenance), certainty_text(row), escape(", ".join(dominating_profiles(row)))))),
        escape(output.output),
        format_number(output.scale, 3),
        format_number(output.figures.get("max_abs")) + left_out_note(output.figures, output.elements),
        format_number(output.figures.get("mean_abs")),
        flips_text(output.flips),
        str(row.verdict),
    )
    return f"| {' | '.join(cells)} |"


def _share(output: OutputFigures) -> float:
    return (output.figures.get("max_abs") or 0.0) / (output.scale or 1.0)
