"""Each setting's largest difference as a bar beside what the policy allows, settings with equal bars once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mlparity.core.finiteness import mismatches
from mlparity.core.numbers import format_number
from mlparity.record.envelopes import spans_of
from mlparity.record.excess import excused_by
from mlparity.record.figures import OutputFigures
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.axis import Decades
from mlparity.report.ladder import limit_of
from mlparity.report.rows import patterns_of

_LOW, _HIGH = -4, 3
"""The axis: from a ten-thousandth of what is allowed to a thousand times as much."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Settings with one verdict and one difference: how many times what is allowed, in words and in percent of an axis.

    `width` is None where the policy has no bound on the largest difference, or nothing was compared. `cause` is the
    kind of the settings' cause, "" where there is none.
    """

    settings: tuple[str, ...]
    verdict: str
    text: str
    width: float | None
    cause: str


LIMIT = Decades(_LOW, _HIGH).position(1.0)
"""Where the bound stands, in percent."""


def bars_of(record: Record) -> tuple[Bar, ...]:
    """Return the bars of the settings that were compared, in the record's order."""
    found: dict[tuple[str, str, float | None, str], list[str]] = {}
    for row in record.settings:
        if row.state is RowState.COMPARED and row.outputs:
            text, width = _against(record, row)
            cause = next((str(cause.kind) for cause in row.causes), "")
            found.setdefault((str(row.verdict), text, width, cause), []).append(str(row.setting))
    return tuple(
        Bar(tuple(patterns_of(names, record)), verdict, text, width, cause)
        for (verdict, text, width, cause), names in found.items()
    )


def _against(record: Record, row: SettingResult) -> tuple[str, float | None]:
    """Return a row's largest difference against its bound, of the output that is nearest to its own or beyond."""
    ratios = dict(_ratios(record, row))
    if not ratios:
        return f"max {format_number(max(_largest(row, output) for output in row.outputs))}", None
    name, ratio = max(ratios.items(), key=lambda item: item[1])
    return _words(ratio) + (f" ({name})" if len(row.outputs) > 1 else ""), Decades(_LOW, _HIGH).position(ratio)


def _ratios(record: Record, row: SettingResult) -> Iterator[tuple[str, float]]:
    for output in row.outputs:
        allowed = allowed_of(record, output)
        if allowed is None:
            continue
        largest = _largest(row, output)
        yield output.output, (largest / allowed if allowed else (math.inf if largest else 0.0))


def allowed_of(record: Record, output: OutputFigures) -> float | None:
    """Return the largest difference that passes, the source's own noise included; None where the policy bounds none."""
    limit = limit_of(record, output.output, output.scale)
    if limit is None:
        return None
    excused = excused_by(record.noise, record.policy.noise_factor).get(output.output, 0.0)
    # Noise passes up to the policy's cap: as verdicts have it.
    return max(limit, min(excused, record.policy.noise_cap * output.scale))


def _largest(row: SettingResult, output: OutputFigures) -> float:
    """Return the largest difference of an output, over all variants; infinite where some position has no equal."""
    if mismatches(output.figures):
        return math.inf
    value = output.figures.get("max_abs")
    span = spans_of(row, output).get("max_abs")
    return math.inf if value is None else max(value, value if span is None or span.high is None else span.high)


def _words(ratio: float) -> str:
    if math.isinf(ratio):
        return "NaN or infinite where the source is not"
    if ratio > 1:
        return f"{format_number(ratio)} times what is allowed"
    return f"{100 * ratio:.2g}% of what is allowed"
