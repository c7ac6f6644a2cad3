"""What a record's envelopes say to a reader: each plausible variant once, and the range of a figure as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlparity.core.words import Precision, Provenance
from mlparity.record.figures import OutputFigures, Span, VariantFigures
from mlparity.record.record import Record
from mlparity.record.rows import SettingResult


@dataclass(frozen=True, slots=True)
class VariantRow:
    """One plausible variant, the settings that may run so, those that it decides as the worst, and its provenance."""

    run: VariantFigures
    precision: Precision
    settings: tuple[str, ...]
    dominates: tuple[str, ...]
    provenance: Provenance
    compression: str = ""

    @property
    def profiles(self) -> str:
        """The profiles as text."""
        return ", ".join(self.run.profiles)


def variants_in(record: Record) -> tuple[VariantRow, ...]:
    """Return every variant of every emulated setting, once for each artifact that it ran."""
    found: dict[tuple[str, str], list[SettingResult]] = {}
    runs: dict[tuple[str, str], VariantFigures] = {}
    for row in record.settings:
        for run in row.envelope.runs if row.envelope is not None else ():
            key = (row.artifact, run.name)
            found.setdefault(key, []).append(row)
            runs.setdefault(key, run)
    return tuple(_variant(runs[key], rows) for key, rows in found.items())


def _variant(run: VariantFigures, rows: list[SettingResult]) -> VariantRow:
    dominates = [row for row in rows if row.envelope is not None and row.envelope.dominating == run.name]
    return VariantRow(
        run,
        rows[0].setting.precision,
        tuple(str(row.setting) for row in rows),
        tuple(str(row.setting) for row in dominates),
        Provenance.EMULATED,
        rows[0].setting.compression,
    )


def dominating_profiles(row: SettingResult) -> tuple[str, ...]:
    """Return the profiles that gave an emulated row's figures; none of another row."""
    envelope = row.envelope
    if envelope is None:
        return ()
    return next((run.profiles for run in envelope.runs if run.name == envelope.dominating), ())


def spans_of(row: SettingResult, output: OutputFigures) -> Mapping[str, Span]:
    """Return the ranges of an output's figures; a row without an envelope has none."""
    return {} if row.envelope is None else row.envelope.spans.get(output.output, {})


def span_text(span: Span | None, value: float | None, write: Callable[[float | None], str]) -> str:
    """Return `low..high`, or one number where both are written alike or there is no range."""
    if span is None:
        return write(value)
    low, high = write(span.low), write(span.high)
    return low if low == high else f"{low}..{high}"
