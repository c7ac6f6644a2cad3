"""From the rows to the cause of a difference, the ops that carry it, and the error along the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from mlparity.core.boundary import is_shortage
from mlparity.core.budget import may_be_left, within
from mlparity.core.errors import MlparityError
from mlparity.core.progress import Progress, silent
from mlparity.core.session import Sample
from mlparity.core.user_code import raised_at, said
from mlparity.core.words import ComputeUnit, Confidence, Precision, Provenance
from mlparity.diagnose.drift import drift_of
from mlparity.diagnose.ladder import find_causes, is_explicable, row_to_explain
from mlparity.diagnose.parts import ALONG
from mlparity.diagnose.preprocessing import VANISHED
from mlparity.diagnose.rungs import origins
from mlparity.diagnose.stored_states import stored_states
from mlparity.engine.numerics import TYPED
from mlparity.engine.placement.variants import Choice
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.drift import Drift
from mlparity.record.excess import Excused, excess_of_row, excused_by
from mlparity.record.record import Unfinished
from mlparity.record.rows import SettingResult
from mlparity.verification.explain_app import of_app
from mlparity.verification.explain_elsewhere import explain_elsewhere
from mlparity.verification.explain_package import Case, worst_case
from mlparity.verification.explain_states import other_start
from mlparity.verification.explain_time import budget_for, takes_long, unfinished
from mlparity.verification.job import Job
from mlparity.verification.kept_explanations import Findings, LookedAt, kept_or_made
from mlparity.verification.older_source import older_source
from mlparity.verification.results import rungs_of
from mlparity.verification.runs import Runs


@dataclass(frozen=True, slots=True)
class Explained:
    """The rows with their causes, the cause that speaks for all, and what `Diagnosis` has beside it."""

    rows: tuple[SettingResult, ...]
    cause: Cause
    drift: Drift | None = None
    failure: str = ""
    fault: Exception | None = None
    unfinished: Unfinished | None = None


def explain_rows(job: Job, runs: Runs, results: Sequence[SettingResult], progress: Progress = silent) -> Explained:
    """Return why each row differs: by the other rows, and op by op where our engine runs the artifact.

    What the time for it does not suffice for is left out.
    """
    noise, factor = runs.noise.result(), job.policy.noise_factor
    found = find_causes(results, noise, rungs_of(runs, job.policy), factor)
    rows = tuple(replace(row, causes=causes) for row, causes in zip(results, found.by_row, strict=True))
    made = Explained(rows, found.summary)
    to_explain = [
        (cause, row)
        for form, cause in found.by_form.items()
        if (is_explicable(form.target) or cause.kind in _ELSEWHERE)
        and (row := row_to_explain(form, cause, results, noise, factor)) is not None
    ]
    with within(budget_for(job, [row for _, row in to_explain], progress)) as budget:
        for cause, row in to_explain:
            made = _with(made, cause, row, run_diagnosis(cause, row, job), excused_by(noise, factor))
    return replace(_dated(made, job), unfinished=unfinished(budget))


def _dated(made: Explained, job: Job) -> Explained:
    """Add what given artifacts say of an older source to the causes that it may be behind."""

    def dated(cause: Cause, artifact: str) -> Cause:
        older = older_source(artifact, job.options.artifacts, job.source) if cause.kind in _OF_A_SOURCE else None
        return cause if older is None else replace(cause, evidence=(*cause.evidence, older))

    rows, summary = [], made.cause
    for row in made.rows:
        causes = tuple(dated(cause, row.artifact) for cause in row.causes)
        summary = next((new for old, new in zip(row.causes, causes, strict=True) if old is made.cause), summary)
        rows.append(replace(row, causes=causes))
    return replace(made, rows=tuple(rows), cause=summary)


def _with(made: Explained, before: Cause, row: SettingResult, found: Diagnosis, excused: Excused) -> Explained:
    """Put what was found on one row's artifact instead of the ladder's cause `before`."""
    is_new = before.kind is CauseKind.NONE and found.cause is not before
    causes = (found.cause, *found.others)

    def causes_of(other: SettingResult) -> tuple[Cause, ...]:
        is_alike = other.artifact == row.artifact and bool(other.outputs)
        if is_new and is_alike and excess_of_row(other, excused) > 1:
            return causes
        return tuple(each for cause in other.causes for each in (causes if cause is before else (cause,)))

    rows = tuple(replace(other, causes=causes_of(other)) for other in made.rows)
    is_summary = made.cause is before or (is_new and made.cause.kind is CauseKind.NONE)
    cause = found.cause if is_summary else made.cause
    drift, failure = made.drift or found.drift, made.failure or found.failure
    return Explained(rows, cause, drift, failure, made.fault or found.fault)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The cause, and the error along the graph of the fp16 artifact that shows it; None where it was not followed.

    `others` are causes beside it. `failure` says why the artifact could not be explained, and is "" where it was, or
    where there was nothing to. `fault` is an exception that nobody foresaw: a fault of ours, which is raised once the
    results are written.
    """

    cause: Cause
    drift: Drift | None = None
    failure: str = ""
    fault: Exception | None = None
    others: tuple[Cause, ...] = ()


def run_diagnosis(cause: Cause, row: SettingResult, job: Job) -> Diagnosis:
    """Return the ladder's cause with the ops that carry it, or a cause that the ladder alone could not tell.

    `row` is the setting to explain. The cause stays as it is where one run is too much work to be repeated, or where
    the engine cannot explain the artifact. A state that is carried is the source's own, the same for both sides.
    """
    try:
        reason = _reason_not_to(row, job)
        if reason:
            return Diagnosis(cause, failure=reason)
        with may_be_left(f"the explanation of {row.artifact}"):
            return _explained(cause, row, job)
        return Diagnosis(cause)
    except MlparityError as error:
        return Diagnosis(cause, failure=str(error))
    except Exception as error:
        if is_shortage(error):
            return Diagnosis(cause, failure="memory ran out")
        return Diagnosis(cause, failure=f"a fault of mlparity's own at {raised_at(error)}: {said(error)}", fault=error)


def _reason_not_to(row: SettingResult, job: Job) -> str:
    if takes_long(row, job):
        return "one run of the artifact takes long, and an explanation repeats it some dozens of times"
    return ""


def _explained(cause: Cause, row: SettingResult, job: Job) -> Diagnosis:
    chosen = _chosen(row, job)
    if not chosen:
        return Diagnosis(cause, failure="no sample has a difference that a figure tells")
    app = None if job.app is None else of_app(row, job, job.app, chosen)
    if app is not None and app[1] >= VANISHED:
        return Diagnosis(app[0])
    found = _of_artifact(cause, row, job, chosen)
    return (
        found if app is None or app[1] < _LEAST else replace(found, cause=app[0], others=(found.cause, *found.others))
    )


_LEAST = 0.05
"""The least part of a difference for which an app's preprocessing is a cause beside another (assumed)."""


def _of_artifact(cause: Cause, row: SettingResult, job: Job, chosen: Mapping[str, Sample]) -> Diagnosis:
    unit = row.setting.unit if cause.kind is CauseKind.COMPUTE_UNIT else None
    looked_at = LookedAt(row, unit, job, chosen, dict(islice(job.alone(), _BESIDE)))
    found = kept_or_made(looked_at, lambda: _findings(looked_at))
    if found.is_beyond_ladder:
        return Diagnosis(found.causes[0])
    return replace(_with_others(cause, found.causes), drift=found.drift, failure=found.failure)


def _findings(at: LookedAt) -> Findings:
    row, source, factor = at.row, at.job.source, at.job.policy.noise_factor
    if not is_explicable(row.setting.target):
        return Findings(explain_elsewhere(at.path, source, at.chosen, factor, at.beside))
    started = other_start(at.path, source, at.job.first())
    if started is not None:
        return Findings((started,), is_beyond_ladder=True)
    case = worst_case(at.path, source, at.chosen, at.unit, factor, at.beside)
    if isinstance(case, Cause):
        return Findings((case,))
    stored = stored_states(case.rungs)
    if stored is not None:
        return Findings((stored,), is_beyond_ladder=True)
    found = Findings(case.causes())
    if row.setting.computes_in is Precision.FP16:
        with may_be_left(ALONG):
            return _with_drift(found, at, case)
    return found


def _chosen(row: SettingResult, job: Job) -> dict[str, Sample]:
    """Return the samples to explain: of each output the one that differs most, and more where a run is little work.

    An output of another shape has no sample that differs most.
    """
    worst = [each.sample for output in row.outputs for each in output.worst[:1]]
    names, most = set(worst), _SAMPLES
    if not row.unlike and not takes_long(row, job, _FEW):
        ranked = sorted((each for output in row.outputs for each in output.worst), key=lambda each: -each.max_abs)
        names |= {each.sample for each in ranked[:_MORE]}
        most = max(_SAMPLES, len(names))
    fitting = ((name, sample) for name, sample in job.alone() if row.unlike or name in names)
    return dict(islice(fitting, most))


def _with_others(cause: Cause, found: Sequence[Cause]) -> Diagnosis:
    """Merge the first of the causes that were found with the ladder's; the others stand beside it."""
    first, *others = found
    merged = _merged(cause, first)
    return Diagnosis(merged, others=() if merged is cause else tuple(others))


def _with_drift(found: Findings, at: LookedAt, case: Case) -> Findings:
    """Add the error along the graph on the sample that was explained, or why it cannot be followed."""
    try:
        passed = drift_of(case.rungs.numerics, case.rungs.exact, case.rungs.in_width(case.rungs.numerics))
        known = origins(case.rungs, [point.step for point in passed.points])
    except MlparityError as error:
        return replace(found, failure=f"the error along the graph is not known: {error}")
    points = tuple(replace(point, origin=known.get(point.step, "")) for point in passed.points)
    if not points:
        return found
    drift = Drift(at.row.artifact, case.sample, TYPED.summary, Provenance.COMPUTED, passed.count, points)
    return replace(found, drift=drift if at.unit is None else _emulated(drift, case.choice, at.unit))


def _emulated(drift: Drift, choice: Choice, unit: ComputeUnit) -> Drift:
    profiles = {profile.name: profile for profile in (choice.profile, *choice.profiles.values())}
    least = max((profile.confidence for profile in profiles.values()), key=tuple(Confidence).index)
    return replace(
        drift,
        arithmetic=f"a plain prediction on {unit}",
        provenance=Provenance.EMULATED,
        profiles=tuple(profiles),
        confidence=Confidence(least),
    )


_SAMPLES, _MORE, _FEW = 2, 8, 0.1
"""How many samples are looked at; how many where a run is this part of the most that it may be (assumed)."""
_BESIDE = 3
"""How many of the first samples are looked at for other ways that the source may go (assumed)."""

_ELSEWHERE = frozenset({CauseKind.CONVERTER, CauseKind.UNKNOWN})
"""The causes that are looked into where another runtime ran the artifact: a precision's are what they are."""

_OF_A_SOURCE = frozenset({CauseKind.WEIGHTS, CauseKind.CONVERTER, CauseKind.RUNTIME, CauseKind.UNKNOWN})
"""The causes that a source which has changed since may be behind."""

_NOT_OF_ARITHMETIC = frozenset(CauseKind) - {
    *(CauseKind.NONE, CauseKind.UNKNOWN, CauseKind.PRECISION, CauseKind.OVERFLOW, CauseKind.COMPUTE_UNIT),
    CauseKind.NONDETERMINISM,
}
_REFINED_BY = {
    CauseKind.NONE: _NOT_OF_ARITHMETIC,
    CauseKind.PRECISION: frozenset(
        {CauseKind.PRECISION, CauseKind.COMPRESSION, CauseKind.OVERFLOW, CauseKind.NONDETERMINISM}
    ),
    CauseKind.COMPRESSION: frozenset({CauseKind.COMPRESSION}),
    CauseKind.COMPUTE_UNIT: frozenset({CauseKind.PRECISION, CauseKind.OVERFLOW}),
    CauseKind.CONVERTER: frozenset(CauseKind) - {CauseKind.NONE, CauseKind.UNKNOWN},
    CauseKind.UNKNOWN: frozenset(CauseKind) - {CauseKind.NONE},
}
"""Which causes found on the engine may replace the ladder's."""


_SAYS_NOTHING = frozenset({CauseKind.NONE, CauseKind.UNKNOWN})
"""Agreement, or that no cause is clear: neither is said beside a cause that was found."""


def _merged(cause: Cause, found: Cause) -> Cause:
    if cause.kind is CauseKind.COMPUTE_UNIT and found.kind in _REFINED_BY[cause.kind]:
        # It stays the unit's doing, whatever its arithmetic does.
        return Cause(cause.kind, cause.evidence + found.evidence, found.ops)
    if found.kind in _REFINED_BY.get(cause.kind, ()):
        if cause.kind in _SAYS_NOTHING:
            return found
        is_alike = found.kind is cause.kind
        evidence = cause.evidence + found.evidence if is_alike else found.evidence + cause.evidence
        return Cause(found.kind, evidence, found.ops)
    return cause
