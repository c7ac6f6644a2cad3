"""What a record's sentences claim, held against its own rows."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.numbers import format_number
from mlparity.core.words import Verdict
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.excess import excess_of_row, excused_by
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.causes import cause_text
from mlparity.report.decision import decision_paragraph, recommendation_text

_AGREEING = {
    Observation.ALL_AGREE: ("all",),
    Observation.CONVERSION_CHANGES: ("witness",),
    Observation.FP16_DIFFERS: ("fp32",),
    Observation.FP16_DIFFERS_IDEALLY: ("fp32",),
    Observation.FP16_DIFFERS_UNITS_ADD: ("fp32",),
    Observation.UNITS_DIFFER: ("fp32",),
    Observation.FP32_AGREES_REST_UNCLEAR: ("fp32",),
}
"""The roles of settings that a sentence says agree."""

_DIFFERING = {
    Observation.CONVERSION_CHANGES: "fp32",
    Observation.UNITS_DIFFER: "failing",
    Observation.FP16_DIFFERS: "fp16",
}
"""The role of settings of which a sentence says that they differ."""


def contradictions(record: Record) -> Iterator[str]:
    """Yield each claim of a sentence that a figure of the record denies."""
    yield from _of_causes(record)
    yield from _of_recommendation(record)
    yield from _of_decision(record)


def _rows(record: Record, names: tuple[str, ...]) -> list[SettingResult]:
    rows = [row for row in record.settings if row.state is RowState.COMPARED]
    return [row for row in rows if str(row.setting) in names]


def _of_causes(record: Record) -> Iterator[str]:
    causes = [record.cause, *(cause for row in record.settings for cause in row.causes)]
    for cause in causes:
        for evidence in cause.evidence:
            yield from _of_roles(record, evidence)
        yield from _of_ops(cause)
        text = cause_text(cause, record.settings, record.rungs)
        if "–" in text.replace("– ", ""):
            yield f"a figure is missing: {text}"
    if record.cause.kind is not CauseKind.NONE and any(
        evidence.observation is Observation.ALL_AGREE for evidence in record.cause.evidence
    ):
        yield "a cause stands beside agreement of all"
    for row in record.settings:
        if row.verdict is Verdict.FAIL and row.state is RowState.COMPARED and not row.causes:
            yield f"{row.setting} fails without a cause"


def _of_roles(record: Record, evidence: Evidence) -> Iterator[str]:
    excused = excused_by(record.noise, record.policy.noise_factor)
    for role in _AGREEING.get(evidence.observation, ()):
        for row in _rows(record, evidence.settings[role]):
            if row.verdict is not Verdict.PASS and row.outputs and excess_of_row(row, excused) > 1:
                yield f"{row.setting} is said to agree and does not"
    for row in _rows(record, evidence.settings.get(_DIFFERING.get(evidence.observation, ""), ())):
        if row.outputs and excess_of_row(row, excused) <= 0:
            yield f"{row.setting} is said to differ and does not"
    for names in evidence.settings.values():
        known = {str(row.setting) for row in record.settings}
        yield from (f"{name} is no setting of the record" for name in names if name not in known)


def _of_ops(cause: Cause) -> Iterator[str]:
    """The op of the sentence is the first of the table, with the same share and the same part removed."""
    for evidence in cause.evidence:
        named = evidence.names.get("op")
        alike = [op for op in cause.ops if f"{op.type} {op.name!r}" == named]
        if named and evidence.observation is not Observation.SHAPES_DIVERGE and not alike:
            yield f"{named} is not among the ops"
        for op in alike:
            for name, value in (("share", op.share), ("removed", op.removed)):
                said = evidence.figures.get(name)
                if said is not None and value is not None and abs(said - value) > 5e-3:
                    yield f"{named}: {name} {said} in the sentence, {value} in the table"


def _of_recommendation(record: Record) -> Iterator[str]:
    text = recommendation_text(record)
    chosen = record.recommendation.setting
    if chosen is not None and not any(row.verdict is Verdict.PASS for row in _rows(record, (str(chosen),))):
        yield f"{chosen} is to be shipped and does not pass"
    if chosen is None and "Ship " in text:
        yield "something is to be shipped, and nothing is recommended"
    flips = [output.flips.flipped for row in record.settings for output in row.outputs if output.flips is not None]
    if "--policy task" in text and any(flips):
        yield f"the task's policy is advised although {max(flips)} decisions changed"


def _of_decision(record: Record) -> Iterator[str]:
    if record.decision is None:
        return
    text = decision_paragraph(record)
    for candidate in record.decision.candidates:
        is_fastest = candidate.setting == record.decision.fastest and candidate.speed is not None
        rank = 0 if candidate.speed is None else candidate.speed.rank
        if is_fastest and f"{candidate.setting}, rank {rank} of " not in text:
            yield f"the fastest, {candidate.setting}, stands without its rank"
    for row in _rows(record, (str(record.recommendation.setting),)):
        for output in row.outputs:
            size = format_number(output.figures.get("max_abs"))
            if f"{output.output} {size}" not in text:
                yield f"{output.output}: {size} is not in the paragraph"
