"""What a record's sentences claim, held against its own rows."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.words import Verdict
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.excess import excess_of_row, excused_by
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.causes import cause_text
from tests.report.choices import of_choice
from tests.report.sayings import of_sayings, shows_a_gap

_AGREEING = {
    Observation.ALL_AGREE: ("all",),
    Observation.CONVERSION_CHANGES: ("witness",),
    Observation.FP16_DIFFERS: ("fp32",),
    Observation.FP16_DIFFERS_IDEALLY: ("fp32",),
    Observation.FP16_DIFFERS_UNITS_ADD: ("fp32",),
    Observation.UNITS_DIFFER: ("fp32",),
    Observation.FP32_AGREES_REST_UNCLEAR: ("fp32",),
    Observation.NETWORK_UNITS_DIFFER: ("cpu",),
}
"""The roles of settings that a sentence says agree."""

_DIFFERING = {
    Observation.CONVERSION_CHANGES: "fp32",
    Observation.FP32_DIFFERS: "fp32",
    Observation.UNITS_DIFFER: "failing",
    Observation.FP16_DIFFERS: "fp16",
    Observation.NETWORK_UNITS_DIFFER: "units",
    Observation.GPU_FP32_DIFFERS: "units",
}
"""The role of settings of which a sentence says that they differ."""

_SHARE, _NONE_GONE = 0.3, 0.05


def contradictions(record: Record) -> Iterator[str]:
    """Yield each claim of a sentence that a figure of the record denies."""
    yield from _of_causes(record)
    yield from of_sayings(record)
    yield from of_choice(record)
    yield from _of_hazards(record)


def of_cause(cause: Cause) -> Iterator[str]:
    """Yield each claim of a cause that its own ops and figures deny; rows are not needed for it."""
    own = cause_text(Cause(cause.kind, tuple(each for each in cause.evidence if not each.settings), cause.ops))
    if shows_a_gap(own):
        yield f"a figure is missing: {own}"
    for evidence in cause.evidence:
        yield from _of_parts(cause, evidence)
    if sum(evidence.figures.get("removed", 0.0) for evidence in cause.evidence) > 1 + 1e-9:
        yield f"more than all goes away in {cause_text(cause)}"
    ops = {f"{op.type} {op.name!r}": op for op in cause.ops}
    for evidence in cause.evidence:
        named = evidence.names.get("op")
        if named and evidence.observation is not Observation.SHAPES_DIVERGE and named not in ops:
            yield f"{named} is not among the ops"
        where = evidence.names.get("where", "")
        if cause.ops and "'" in where and not any(where.startswith(text) for text in ops):
            yield f"{where} is not among the ops"
        for name in ("share", "removed"):
            said = evidence.figures.get(name)
            shown = getattr(ops.get(named or ""), name, None)
            if said is not None and shown is not None and abs(said - shown) > 5e-3:
                yield f"{named}: {name} {said} in the sentence, {shown} in the table"


def _of_parts(cause: Cause, evidence: Evidence) -> Iterator[str]:
    removed, share = evidence.figures.get("removed"), evidence.figures.get("share")
    if removed is not None and removed > 1 + 1e-9:
        yield f"{cause.kind}: more than all goes away, {removed}"
    is_told = evidence.observation is Observation.ARITHMETIC_CANCELS
    if not is_told and share is not None and removed is not None and share >= _SHARE and removed < _NONE_GONE:
        yield f"{evidence.names.get('op')} carries {share:.0%}, and {removed:.0%} goes away"


def _of_causes(record: Record) -> Iterator[str]:
    causes = [record.cause, *(cause for row in record.settings for cause in row.causes)]
    for cause in _once(causes):
        for evidence in cause.evidence:
            yield from _of_roles(record, evidence)
        yield from of_cause(cause)
        text = cause_text(cause, record.settings, record.rungs)
        if shows_a_gap(text):
            yield f"a figure is missing: {text}"
    if any(_says_all_agree(cause) for cause in causes) and any(cause.kind is not CauseKind.NONE for cause in causes):
        yield "a cause stands beside agreement of all"
    if record.explanation_failure and any(cause.ops for cause in causes):
        yield "ops are named of an artifact that was not explained op by op"
    for row in record.settings:
        if row.verdict is Verdict.FAIL and row.state is RowState.COMPARED and not row.causes:
            yield f"{row.setting} fails without a cause"


def _once(causes: list[Cause]) -> list[Cause]:
    return [cause for place, cause in enumerate(causes) if cause not in causes[:place]]


def _says_all_agree(cause: Cause) -> bool:
    return any(evidence.observation in _AGREEMENT for evidence in cause.evidence)


_AGREEMENT = (Observation.ALL_AGREE, Observation.AGREES)


def _rows(record: Record, names: tuple[str, ...]) -> list[SettingResult]:
    rows = [row for row in record.settings if row.state is RowState.COMPARED]
    return [row for row in rows if str(row.setting) in names]


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


def _of_hazards(record: Record) -> Iterator[str]:
    """A hazard is of a processor that a compared setting of its artifact may use."""
    for hazard in record.hazards:
        units = [row.setting.unit for row in record.settings if row.artifact == hazard.artifact]
        asked = {str(each) for unit in units if unit is not None for each in unit.processors}
        others = [each for each in hazard.processors if each not in asked]
        if others:
            yield f"{hazard.op} {hazard.location!r} is a hazard of {others}, which nobody asked for"
