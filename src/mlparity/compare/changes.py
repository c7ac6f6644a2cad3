"""Two records of one model to what changed between them, and whether it got worse."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeGuard

from mlparity.compare.metrics import METRIC_NAMED
from mlparity.core.errors import InputError
from mlparity.core.words import Verdict
from mlparity.record.changes import Change, ChangeKind, Changes, Direction
from mlparity.record.figures import Better, OutputFigures, TaskFigure
from mlparity.record.policy import Limit
from mlparity.record.record import Artifact, Record
from mlparity.record.rows import RowState, SettingResult


def changes_between(before: Record, after: Record) -> Changes:
    """Return `changes_since`, of records that are sure to be of one model.

    Raises:
        InputError: the records are of different models.
    """
    _check_one_model(before, after)
    return changes_since(before, after)


def changes_since(before: Record, after: Record) -> Changes:
    """Return what changed from one record of a model to a later one.

    A figure in the unit of its output is worse only if it grew by more than the policy lets the source's own noise
    excuse. Ratios that follow from such figures (cosine, SNR, margin consumed, ...) are left out. Where the samples
    differ, the direction of a figure is unknown; where the policies differ, that of a verdict. A setting that was
    compared before and is not now is unknown too. Times, sizes and digests of artifacts are no changes.
    """
    changes = (*_context(before, after), *_rows(before, after), *_conclusions(before, after))
    return Changes(after.source.name, before.created, after.created, changes)


def check_baseline(baseline: Record, source: str) -> None:
    """Refuse an earlier record of another model than `source`.

    Raises:
        InputError: the names of the models differ.
    """
    if baseline.source.name != source:
        raise InputError(
            "the earlier record is of another model",
            found=baseline.source.name,
            expected=source,
            next_step="give a record of this model, or none",
        )


def _check_one_model(before: Record, after: Record) -> None:
    outputs = [{output.output for row in record.settings for output in row.outputs} for record in (before, after)]
    disjoint = all(outputs) and not outputs[0] & outputs[1]
    if before.source.name != after.source.name or disjoint:
        raise InputError(
            "the records are of different models",
            found=f"{_described(before, outputs[0])}, and {_described(after, outputs[1])}",
            expected="two records of one model, with outputs of the same names",
            next_step="give an earlier and a later record of the same model",
        )


def _described(record: Record, outputs: Iterable[str]) -> str:
    return f"{record.source.name} ({', '.join(sorted(outputs)) or 'nothing compared'})"


def _context(before: Record, after: Record) -> Iterator[Change]:
    """Yield what the figures depend on."""
    old, new = ({"mlparity": record.mlparity_version, **dict(record.environment)} for record in (before, after))
    for name in sorted({*old, *new}):
        yield from _plain(ChangeKind.VERSION, name, old.get(name), new.get(name))
    yield from _plain(ChangeKind.SOURCE, "weights or file", before.source.sha256, after.source.sha256)
    yield from _plain(ChangeKind.SAMPLES, "samples", _samples(before), _samples(after))
    yield from _plain(ChangeKind.POLICY, "policy", before.policy.name, after.policy.name)
    if before.policy.name == after.policy.name and before.policy != after.policy:
        yield Change(ChangeKind.POLICY, Direction.NEITHER, "policy", before.policy.name, "the same name, other limits")
    yield from _conversions(before, after)


def _conversions(before: Record, after: Record) -> Iterator[Change]:
    """Yield by which other options artifacts of one name were converted; versions of converters are told once."""
    old = {artifact.path: _options(before, artifact) for artifact in before.artifacts}
    both = [artifact for artifact in after.artifacts if artifact.path in old]
    for artifact in both:
        first, second = old[artifact.path], _options(after, artifact)
        for name in sorted({*first, *second}):
            yield from _plain(ChangeKind.CONVERSION, f"{artifact.path}, {name}", first.get(name), second.get(name))


def _options(record: Record, artifact: Artifact) -> dict[str, str]:
    own = {name: value for name, value in artifact.options.items() if name not in record.environment}
    return {"frontend": artifact.frontend, **own}


def _samples(record: Record) -> str:
    return f"{record.samples.count}: {record.samples.description} ({record.samples.sha256[:12]})"


def _conclusions(before: Record, after: Record) -> Iterator[Change]:
    yield from _verdict(before, after, "all", before.verdict, after.verdict)
    yield from _plain(ChangeKind.CAUSE, "cause", str(before.cause.kind), str(after.cause.kind))
    shipped = (record.recommendation.setting for record in (before, after))
    yield from _plain(ChangeKind.RECOMMENDATION, "setting", *(None if each is None else str(each) for each in shipped))


def _plain(kind: ChangeKind, subject: str, before: str | None, after: str | None) -> Iterator[Change]:
    if before != after:
        yield Change(kind, Direction.NEITHER, subject, before, after)


def _rows(before: Record, after: Record) -> Iterator[Change]:
    old, new = ({str(row.setting): row for row in record.settings} for record in (before, after))
    for name in dict.fromkeys([*old, *new]):
        first, second = old.get(name), new.get(name)
        if first is None or second is None or first.state is not second.state:
            yield Change(ChangeKind.SETTING, _since(first), name, _state(first), _state(second))
        elif first.state is RowState.COMPARED:
            yield from _row(before, after, first, second)


def _since(first: SettingResult | None) -> Direction:
    """A setting that was compared and is not any more is not known to be as good as before."""
    was = first is not None and first.state is RowState.COMPARED
    return Direction.UNKNOWN if was else Direction.NEITHER


def _state(row: SettingResult | None) -> str | None:
    return None if row is None else str(row.state)


def _row(before: Record, after: Record, first: SettingResult, second: SettingResult) -> Iterator[Change]:
    name = str(second.setting)
    yield from _verdict(before, after, name, first.verdict, second.verdict)
    kinds = [", ".join(dict.fromkeys(str(cause.kind) for cause in row.causes)) or "none" for row in (first, second)]
    yield from _plain(ChangeKind.CAUSE, name, *kinds)
    old = {output.output: output for output in first.outputs}
    for output in second.outputs:
        if output.output in old:
            yield from _figures(before, after, name, old[output.output], output)
    yield from _task_figures(before, after, first, second)
    for lost in sorted(set(old) - {output.output for output in second.outputs}):
        yield Change(ChangeKind.SETTING, Direction.UNKNOWN, f"{name}, {lost}", "compared", None)


_RANKED = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)


def _verdict(before: Record, after: Record, subject: str, first: Verdict, second: Verdict) -> Iterator[Change]:
    if first is second:
        return
    direction = Direction.BETTER if _RANKED.index(second) > _RANKED.index(first) else Direction.WORSE
    known = direction if before.policy == after.policy else Direction.UNKNOWN
    yield Change(ChangeKind.VERDICT, known, subject, str(first), str(second))


def _figures(
    before: Record, after: Record, setting: str, first: OutputFigures, second: OutputFigures
) -> Iterator[Change]:
    slack, subject = _slack(before, after, second), f"{setting}, {second.output}"
    for name, old in first.figures.items():
        info = METRIC_NAMED[name].info if name in METRIC_NAMED else None
        if name in _OF_DIFFERENCES or (info is not None and info.of_difference and info.unit != "output"):
            continue  # follows from the differences themselves
        allowed = slack if info is not None and info.unit == "output" else 0.0
        better = None if info is None else info.better
        yield from _figure(before, after, _Figure(subject, name, old, second.figures.get(name)), allowed, better)


_OF_DIFFERENCES = frozenset({"margin_consumed"})
"""Figures of decisions that grow with any difference, noise too; flips tell what came of it."""


def _task_figures(before: Record, after: Record, first: SettingResult, second: SettingResult) -> Iterator[Change]:
    """Yield the changes of the user's own metrics: larger is worse, unless a limit is a least value."""
    higher = {metric.name for metric in after.policy.metrics if any(map(_asks_for_least, (metric.mean, metric.worst)))}
    new = {figure.metric: figure for figure in second.task_figures}
    for old in first.task_figures:
        found = new.get(old.metric, _NOT_COUNTED)
        better = Better.HIGHER if old.metric in higher else Better.LOWER
        pairs = {"mean": (old.mean, found.mean), "worst": (old.worst, found.worst)}
        for name, (value, now) in pairs.items():
            figure = _Figure(str(second.setting), f"{old.metric}, {name}", value, now)
            yield from _figure(before, after, figure, 0.0, better)


_NOT_COUNTED = TaskFigure("", 0, 0, None, None)


def _asks_for_least(limit: Limit | None) -> bool:
    return limit is not None and limit.at_least is not None


class _Figure(NamedTuple):
    """One figure in both records."""

    subject: str
    name: str
    before: float | None
    after: float | None


def _figure(before: Record, after: Record, figure: _Figure, slack: float, better: Better | None) -> Iterator[Change]:
    """Yield the change of a figure, unless it is within `slack`; its direction is known on equal samples alone."""
    old, new = figure.before, figure.after
    if _is_number(old) and _is_number(new):
        if old == new or abs(new - old) <= slack:
            return
        direction = Direction.WORSE if (new > old) is (better is Better.LOWER) else Direction.BETTER
    elif not _is_number(old) and not _is_number(new):
        return
    else:
        direction = Direction.UNKNOWN
    if better is None or before.samples.sha256 != after.samples.sha256:
        direction = Direction.UNKNOWN
    yield Change(ChangeKind.FIGURE, direction, figure.subject, old, new, figure.name)


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and not math.isnan(value)


def _slack(before: Record, after: Record, output: OutputFigures) -> float:
    """Return by how much a difference may change without a meaning: what the policy lets noise excuse."""
    known = [
        record.policy.noise_factor * noise.max_abs
        for record in (before, after)
        for noise in record.noise
        if noise.output == output.output and noise.is_known
    ]
    return min(max(known, default=0.0), after.policy.noise_cap * output.scale)
