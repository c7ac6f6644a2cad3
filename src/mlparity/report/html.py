"""The report as one HTML file that needs no network: styles and script are within it."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mlparity.core.numbers import format_count, format_number
from mlparity.record.files import record_sha256
from mlparity.record.record import Record
from mlparity.report.allowance import LIMIT, bars_of
from mlparity.report.causes import cause_sentence, other_causes
from mlparity.report.changes import HEADS, change_rows, changes_sentence
from mlparity.report.charts import CHARTS_SHOWN, charts_of
from mlparity.report.decision import decision_paragraph, recommendation_text
from mlparity.report.drift import drift_view
from mlparity.report.fix import fix_lines
from mlparity.report.ladder import LADDERS_SHOWN, ladders_of, limit_of
from mlparity.report.loaders import swift_of
from mlparity.report.lowerings import lowering_sentences
from mlparity.report.plots import DRAWINGS_OPEN, drawings_of
from mlparity.report.remedies import remedies_of
from mlparity.report.rows import Comparison, columns_of, comparisons_of, groups_of, remarks_of, rows_of, shared_rows
from mlparity.report.texts import (
    PROVENANCES,
    figure_text,
    flips_sentence,
    limit_text,
    noise_of_text,
    noise_text,
    required_text,
    seconds_text,
    share_text,
    size_text,
    speed_text,
    task_figure_text,
    task_text,
)
from mlparity.report.variants import hazard_lines, rung_sentences, variant_lines
from mlparity.report.worst import cards_of

_TEMPLATES = Path(__file__).with_name("templates")
# What an <img> may show: nothing that could be a document or fetch anything.
_IMAGE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+")

WORST_OUTPUTS_SHOWN = 4
"""For how many outputs the worst samples are shown."""

CARDS_OPEN = 8
"""How many of the worst samples are unfolded."""

REMARKS_OPEN = 6
"""How many reasons are unfolded."""

COMPARISONS_OPEN = 3
"""For how many outputs the full figures are unfolded."""


def html_report(record: Record) -> str:
    """Return the report as an HTML document."""
    return rendered("report.html.j2", **_context(record))


def rendered(template: str, **context: object) -> str:
    """Return a page of the project's own templates, with the styles and the script that all of them share."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=format_number,
        scale=lambda value: format_number(value, 3),
        count=format_count,
        figure=figure_text,
        flips=flips_sentence,
        noise=noise_text,
        noise_of=noise_of_text,
        task=task_text,
        speed=speed_text,
        task_figure=task_figure_text,
        limit=limit_text,
        required=required_text,
        size=size_text,
        seconds=seconds_text,
        share=share_text,
        image=_image,
    )
    return environment.get_template(template).render(style=_text("report.css"), script=_text("report.js"), **context)


def _context(record: Record) -> dict[str, object]:
    rows, groups = rows_of(record), groups_of(record)
    comparisons = comparisons_of(groups)
    return {
        "record": record,
        "rows": rows,
        "shared": shared_rows(rows),
        "bars": bars_of(record),
        "limit": LIMIT,
        # The table itself shows the notes of rows without figures.
        "remarks": remarks_of(tuple(row if row.cells else replace(row, note="") for row in rows)),
        "open_remarks": REMARKS_OPEN,
        "columns": columns_of(record),
        "groups": groups,
        "worst": [(comparison, cards_of(comparison)) for comparison in comparisons[:WORST_OUTPUTS_SHOWN]],
        "worst_shown": WORST_OUTPUTS_SHOWN,
        "cards_open": CARDS_OPEN,
        "ladders": ladders_of(record),
        "ladders_shown": LADDERS_SHOWN,
        **_drift(record),
        "variants": variant_lines(record),
        "rungs": rung_sentences(record),
        "hazards": hazard_lines(record),
        "drawings": drawings_of(comparisons, _limits(record, comparisons), record.samples.count),
        "drawings_open": DRAWINGS_OPEN,
        "charts": charts_of(comparisons),
        "charts_shown": CHARTS_SHOWN,
        "comparisons": comparisons,
        "open_comparisons": COMPARISONS_OPEN,
        "output_count": len(comparisons),
        "provenances": PROVENANCES,
        "metrics": _metrics(record),
        "cause": cause_sentence(record),
        "lowerings": lowering_sentences(record),
        "other_causes": other_causes(record),
        "remedies": remedies_of(record),
        "recommendation": recommendation_text(record),
        "paragraph": decision_paragraph(record),
        "changes": None if record.changes is None else changes_sentence(record.changes),
        "change_heads": HEADS,
        "change_rows": () if record.changes is None else change_rows(record.changes),
        "cure": tuple(fix_lines(record)),
        "snippet": swift_of(record),
        "digest": record_sha256(record),
    }


def _limits(record: Record, comparisons: tuple[Comparison, ...]) -> dict[str, float | None]:
    """Return the bound on the largest difference of each output."""
    scales = {each.output: each.entries[0][1].scale for each in comparisons}
    return {name: limit_of(record, name, scale) for name, scale in scales.items()}


def _drift(record: Record) -> dict[str, object]:
    if record.drift is None:
        return {"drift": None}
    view = drift_view(record.drift)
    return {"drift": view, "drift_data": [asdict(point) for point in view.points]}


def _metrics(record: Record) -> list[tuple[str, str]]:
    """Return (name, title) of every figure in the record: the described ones first, in their order."""
    described = {info.name: info.title for info in record.metrics}
    used = {name for result in record.settings for output in result.outputs for name in output.figures}
    names = [name for name in described if name in used] + sorted(used - set(described))
    return [(name, described.get(name, name)) for name in names]


def _text(name: str) -> Markup:
    # Our own files, not a record's text.
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704


def _image(address: str) -> str:
    return address if _IMAGE.fullmatch(address) else ""
