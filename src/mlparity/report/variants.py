"""The plausible variants, the rungs below them and the hazards as lines of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlparity.core.finiteness import left_out_note
from mlparity.core.numbers import format_cosine, format_number
from mlparity.record.causes import Hazard
from mlparity.record.envelopes import VariantRow, variants_in
from mlparity.record.record import Record
from mlparity.record.rows import Rung
from mlparity.report.rows import Cell, ranked_outputs

VARIANT_COLUMNS = (
    "variant",
    "profiles",
    "chips",
    "confidence",
    "provenance",
    "settings",
    "max",
    "mean",
    "cosine",
    "verdict",
)
"""The heads of a table of variants."""

HAZARD_COLUMNS = ("hazard", "op", "on", "seen", "limit", "margin", "what to do", "evidence")
"""The heads of a table of hazards."""


@dataclass(frozen=True, slots=True)
class VariantLine:
    """One variant; `cells` are max, mean and cosine of the output that differs most."""

    name: str
    profiles: str
    chips: str
    confidence: str
    provenance: str
    settings: tuple[str, ...]
    dominates: tuple[str, ...]
    cells: tuple[Cell, ...]
    verdict: str
    note: str


@dataclass(frozen=True, slots=True)
class HazardLine:
    """One hazard; `cells` are the range seen, the limit and the margin, which it is sorted by."""

    kind: str
    op: str
    artifact: str
    location: str
    processors: str
    cells: tuple[Cell, ...]
    sentence: str
    remedy: str
    certainty: str


def variant_lines(record: Record) -> tuple[VariantLine, ...]:
    """Return a line for each variant, in the record's order."""
    return tuple(_variant_line(variant) for variant in variants_in(record))


def hazard_lines(record: Record) -> tuple[HazardLine, ...]:
    """Return a line for each hazard, the nearest first."""
    return tuple(_hazard_line(hazard) for hazard in sorted(record.hazards, key=lambda hazard: hazard.margin))


def rung_sentences(record: Record) -> tuple[str, ...]:
    """Return a sentence for each rung: what it is, where it stands, and its largest differences."""
    return tuple(_rung_sentence(rung) for rung in record.rungs)


def _variant_line(variant: VariantRow) -> VariantLine:
    figures = max(variant.run.figures.values(), key=_difference, default={})
    numbers = tuple(Cell(format_number(figures.get(name)), figures.get(name)) for name in ("max_abs", "mean_abs"))
    return VariantLine(
        name=variant.run.name,
        profiles=variant.profiles,
        chips=", ".join(variant.run.chips),
        confidence=str(variant.run.confidence),
        provenance=str(variant.provenance),
        settings=variant.settings,
        dominates=variant.dominates,
        cells=(*numbers, Cell(format_cosine(figures.get("cosine")), figures.get("cosine"))),
        verdict=str(variant.run.verdict),
        note=variant.run.note,
    )


def _difference(figures: Mapping[str, float | None]) -> float:
    value = figures.get("max_abs")
    return -1.0 if value is None else value


def _hazard_line(hazard: Hazard) -> HazardLine:
    low, high = (format_number(value, 3) for value in hazard.seen)
    return HazardLine(
        kind=hazard.kind,
        op=hazard.op,
        artifact=hazard.artifact,
        location=hazard.location,
        processors=", ".join(hazard.processors),
        cells=(
            Cell(low if low == high else f"{low}..{high}", hazard.seen[1]),
            Cell(format_number(hazard.limit, 5), hazard.limit),
            Cell(f"{format_number(hazard.margin)}×", hazard.margin),
        ),
        sentence=hazard.sentence,
        remedy=hazard.remedy,
        certainty=f"{hazard.confidence}: {hazard.evidence}",
    )


def _rung_sentence(rung: Rung) -> str:
    outputs = ranked_outputs(rung.outputs)
    shown = (
        f"{outputs[0].output} differs by at most {format_number(outputs[0].figures.get('max_abs'))} on scale"
        f" {format_number(outputs[0].scale, 3)}{left_out_note(outputs[0].figures, outputs[0].elements)}"
        if outputs
        else "nothing was compared"
    )
    return f"{rung.artifact}, {rung.name} ({rung.provenance}; {rung.meaning}): {shown}; {rung.verdict}."
