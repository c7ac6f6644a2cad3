"""The cause of each difference, from the rungs at which one thing changes at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mlparity.core.words import DEFAULT_TARGET, Kernels, Precision, Provenance, Setting, Verdict
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.excess import Excused, excess_of_row, excused_by
from mlparity.record.policy import NOISE_FACTOR
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, Rung, SettingResult
from mlparity.targets.table import leading, target_named, title_of

# How many times the fp32 difference counts as clearly more (assumed; fp16's unit is 8,192 times fp32's).
_CLEARLY = 4.0


class Form(NamedTuple):
    """A form of a target's artifacts with a ladder of its own, as networks, compressions, deployment targets have."""

    target: str
    is_network: bool = False
    compression: str = ""
    deployment: str = ""


def form_of(setting: Setting) -> Form:
    """Return the form of the artifact that a setting runs."""
    return Form(setting.target, setting.precision is Precision.NEURAL_NETWORK, setting.compression, setting.deployment)


@dataclass(frozen=True, slots=True)
class Causes:
    """What the rungs tell: the cause of each form, those of each row in order, and the one that speaks for all.

    That is the cause of the leading target where it differs, else of the first other that does.
    """

    by_form: Mapping[Form, Cause]
    by_row: tuple[tuple[Cause, ...], ...]
    summary: Cause


@dataclass(frozen=True, slots=True)
class _Rung:
    """The settings of one rung.

    It is shown to agree where it `agrees` and `is_shown`: all that belongs to it was compared.
    """

    settings: tuple[SettingResult, ...]
    agrees: bool
    is_shown: bool
    excess: float

    @property
    def exists(self) -> bool:
        return bool(self.settings)


@dataclass(frozen=True, slots=True)
class _Ladder:
    """The rungs of one form: what computes in fp32 and in fp16, ideal fp16, and the fp32 of other targets beside it.

    `plain` are the settings of the same form without its compression, `reference` those of its runtime's plain kernels,
    `gpu` the emulated ones in fp32 that are further off than those that rest on documented arithmetic.
    """

    form: Form
    title: str
    fp32: _Rung
    fp16: _Rung
    ideal: tuple[Rung, ...]
    witness: _Rung
    excused: Excused
    plain: tuple[SettingResult, ...] = ()
    reference: tuple[SettingResult, ...] = ()
    gpu: tuple[SettingResult, ...] = ()


def find_causes(
    settings: Sequence[SettingResult],
    noise: Sequence[Noise] = (),
    rungs: Sequence[Rung] = (),
    noise_factor: float = NOISE_FACTOR,
) -> Causes:
    """Return why artifacts differ from the source, as far as the compared settings, and the rungs below them, tell.

    A setting agrees when it passes its policy, or when every output's largest difference is within 2e-6 of the
    scale or `noise_factor` times the source's own noise. Precision: the fp32 settings agree and fp16 differs clearly
    (by four times as much as fp32, and more than the bound). Compression: so do compressed weights against the same
    without them. Compute unit: so does fp16, but in ideal arithmetic it
    agrees, or passes where units fail; and a network that is off on units other than the CPU. Converter: fp32 differs
    while another target's fp32, the witness, agrees, or where there is none, another deployment target's.
    """
    excused = excused_by(noise, noise_factor)
    compared = [row for row in settings if row.state is RowState.COMPARED and (row.outputs or row.unlike)]
    lead = leading(row.setting.target for row in compared)
    forms = sorted(
        {form_of(row.setting) for row in compared},
        key=lambda form: (form.target != lead, form.is_network, form.compression, form.deployment),
    )
    ladders = {form: _ladder(form, compared, rungs if form.target == lead else (), excused) for form in forms}
    by_form: dict[Form, Cause] = {}
    for form, ladder in ladders.items():  # those that are compressed after the plain ones
        plain = by_form.get(form._replace(compression=""))
        by_form[form] = _cause(ladder, _unlike(form, compared), plain if form.compression else None)
    by_row = tuple(
        _causes_of(row, ladders[form_of(row.setting)], by_form[form_of(row.setting)]) if row in compared else ()
        for row in settings
    )
    return Causes(by_form, by_row, _summary(by_form.values(), settings, compared))


def _summary(causes: Iterable[Cause], settings: Sequence[SettingResult], compared: Sequence[SettingResult]) -> Cause:
    if not compared:
        return _cause_of(CauseKind.UNKNOWN, Observation.NOTHING_COMPARED)
    differing = next((cause for cause in causes if cause.kind is not CauseKind.NONE), None)
    return differing or _no_larger([row for row in settings if row.state is RowState.COMPARED])


def row_to_explain(
    form: Form,
    cause: Cause,
    settings: Sequence[SettingResult],
    noise: Sequence[Noise] = (),
    noise_factor: float = NOISE_FACTOR,
) -> SettingResult | None:
    """Return the row of a form whose artifact shows more of the form's cause.

    It is the worst in fp16 where fp16 alone differs, else the worst in fp32, even one that passes, for a small
    difference that fp32 does not explain may be a conversion's. None where every setting agrees to fp32's rounding, or
    none was compared.
    """
    excused = excused_by(noise, noise_factor)
    ours = [row for row in settings if row.state is RowState.COMPARED and form_of(row.setting) == form]
    unlike = next((row for row in ours if row.unlike), None)
    if unlike is not None:
        return unlike
    ours = [row for row in ours if row.outputs]
    if any(found.observation is Observation.GPU_FP32_DIFFERS for found in cause.evidence):
        return None  # the artifact in documented arithmetic agrees: no op of it is to blame
    for precision in (Precision.FP16,) if cause.kind in _OF_FP16 else (Precision.FP32, Precision.FP16):
        rows = [row for row in ours if row.setting.computes_in is precision]
        worst = max(rows, key=lambda row: excess_of_row(row, excused), default=None)
        if worst is not None and excess_of_row(worst, excused) > 1:
            return worst
    return None


_OF_FP16 = frozenset({CauseKind.PRECISION, CauseKind.COMPUTE_UNIT})


def is_explicable(target: str) -> bool:
    """Return whether our engine runs the artifacts of a target op by op."""
    return target_named(target).engine is not None


def _siblings(form: Form, shown: Sequence[SettingResult]) -> list[list[SettingResult]]:
    """Return the rows of the same form for each other deployment target."""
    found: dict[Form, list[SettingResult]] = {}
    for row in shown:
        other = form_of(row.setting)
        if other != form and not form.compression and other._replace(deployment=form.deployment) == form:
            found.setdefault(other, []).append(row)
    return list(found.values())


def _witness(others: _Rung, siblings: Sequence[_Rung]) -> _Rung:
    """Return what other runtimes give; without any, a graph for another deployment target, if it agrees.

    One that differs says nothing, for the same converter made it.
    """
    agreeing = [sibling for sibling in siblings if sibling.exists and sibling.agrees and sibling.is_shown]
    return others if others.exists or not agreeing else agreeing[0]


def _ladder(form: Form, compared: Sequence[SettingResult], rungs: Sequence[Rung], excused: Excused) -> _Ladder:
    shown = [row for row in compared if row.outputs and not row.unlike]
    own = [row for row in shown if form_of(row.setting) == form]
    reference = [row for row in own if isinstance(row.setting.compute_unit, Kernels)]
    own = [row for row in own if row not in reference] or reference
    gpu = _off_on_gpu(own, excused)
    own = [row for row in own if row not in gpu]
    others = [row for row in shown if row.setting.target != form.target and not row.setting.compression]
    foreign = {row.artifact for row in shown if form_of(row.setting) != form} - {row.artifact for row in own}

    def rung(rows: Sequence[SettingResult], precision: Precision) -> _Rung:
        return _rung([row for row in rows if row.setting.computes_in is precision], excused)

    known = [rung for rung in rungs if rung.precision is Precision.FP16 and rung.outputs]
    ideal = tuple(rung for rung in known if rung.artifact not in foreign)
    plain = [row for row in shown if form.compression and form_of(row.setting) == form._replace(compression="")]
    return _Ladder(
        form,
        title_of(form.target or DEFAULT_TARGET),
        rung(own, Precision.FP32),
        rung(own, Precision.FP16),
        () if form.is_network else ideal,
        _witness(rung(others, Precision.FP32), [rung(rows, Precision.FP32) for rows in _siblings(form, shown)]),
        excused,
        tuple(plain),
        tuple(reference),
        tuple(gpu),
    )


def _off_on_gpu(rows: Sequence[SettingResult], excused: Excused) -> list[SettingResult]:
    """Return the emulated rows in fp32 that are further off than all others in fp32, where there are others."""
    fp32 = [row for row in rows if row.setting.computes_in is Precision.FP32]
    plain = [row for row in fp32 if row.provenance is not Provenance.EMULATED]
    if not plain:
        return []
    most = max(excess_of_row(row, excused) for row in plain)
    return [row for row in fp32 if row not in plain and excess_of_row(row, excused) > most]


def _rung(rows: Sequence[SettingResult], excused: Excused) -> _Rung:
    excesses = [excess_of_row(row, excused) for row in rows]
    agrees = all(row.verdict is Verdict.PASS or excess <= 1 for row, excess in zip(rows, excesses, strict=True))
    is_shown = all(row.verdict is not Verdict.UNKNOWN for row in rows)
    return _Rung(tuple(rows), agrees, is_shown, max(excesses, default=0.0))


def _cause(ladder: _Ladder, unlike: Sequence[SettingResult], plain: Cause | None) -> Cause:
    fp32, fp16 = ladder.fp32, ladder.fp16
    if unlike:
        return _found(CauseKind.CONVERTER, Observation.OUTPUTS_UNLIKE, ladder, unlike=unlike)
    beyond = max((excess_of_row(row, ladder.excused) for row in ladder.reference), default=math.inf)
    if not (fp32.agrees and fp16.agrees) and _is_clearly_more(max(fp32.excess, fp16.excess), beyond):
        rows = (*fp32.settings, *fp16.settings)
        return _found(CauseKind.RUNTIME, Observation.KERNELS_DIFFER, ladder, usual=rows, reference=ladder.reference)
    if plain is not None:
        rows = (*fp32.settings, *fp16.settings)
        if any(_compression_adds(row, ladder) for row in rows):
            return _compression(ladder, rows)
        if not (fp32.agrees and fp16.agrees):
            return plain
    if fp32.exists and not fp32.agrees:
        return _fp32_differs(ladder)
    if fp32.exists and fp32.is_shown and fp16.exists and _is_clearly_more(fp16.excess, fp32.excess):
        return _network_units(ladder, fp16.settings) if ladder.form.is_network else _fp16_differs(ladder, fp16.settings)
    if fp32.agrees and fp16.agrees:
        adding = [row for row in ladder.gpu if _gpu_adds(row, ladder)]
        return _gpu_differs(ladder, adding) if adding else _no_larger([*fp32.settings, *ladder.gpu, *fp16.settings])
    if not fp32.exists:
        return _found(CauseKind.UNKNOWN, Observation.NO_FP32, ladder, all=[*fp16.settings, *ladder.witness.settings])
    observation = Observation.FP32_AGREES_REST_UNCLEAR if fp32.is_shown else Observation.FP32_IN_PART_REST_UNCLEAR
    return _found(CauseKind.UNKNOWN, observation, ladder, fp32=fp32.settings, rest=fp16.settings)


def _causes_of(row: SettingResult, ladder: _Ladder, cause: Cause) -> tuple[Cause, ...]:
    """Return the causes of one row of a target: two of an fp16 row that adds much to what its fp32 has already."""
    if row.unlike:
        return (cause,)
    excess = excess_of_row(row, ladder.excused)
    if row.verdict is not Verdict.FAIL and excess <= 1:
        return ()
    is_fp16 = row.setting.computes_in is Precision.FP16
    if row in ladder.gpu and _gpu_adds(row, ladder):
        own = _gpu_differs(ladder, [row])
        return (own, cause) if cause.kind is CauseKind.CONVERTER else (own,)
    if cause.kind is CauseKind.COMPRESSION:
        return (cause,)
    if cause.kind is CauseKind.RUNTIME and row in ladder.reference:
        return ()
    if cause.kind in _OF_FP16:
        return _of_fp16(row, ladder, cause) if is_fp16 else ()
    if cause.kind is CauseKind.CONVERTER and is_fp16 and _is_clearly_more(excess, ladder.fp32.excess):
        return (_adds(ladder, row), cause)
    return (cause,)


def _gpu_adds(row: SettingResult, ladder: _Ladder) -> bool:
    """Tell whether a row in fp32 on the GPU fails, or differs clearly more than what is in fp32 without one."""
    excess = excess_of_row(row, ladder.excused)
    is_worse = row.verdict is Verdict.FAIL and all(other.verdict is Verdict.PASS for other in ladder.fp32.settings)
    return is_worse or _is_clearly_more(excess, ladder.fp32.excess)


def _gpu_differs(ladder: _Ladder, rows: Sequence[SettingResult]) -> Cause:
    return _found(CauseKind.COMPUTE_UNIT, Observation.GPU_FP32_DIFFERS, ladder, fp32=ladder.fp32.settings, units=rows)


def _compression_adds(row: SettingResult, ladder: _Ladder) -> bool:
    """Tell whether a row differs clearly more than the same setting without the compression.

    Where that setting was not compared, the worst of its precision stands for it.
    """
    setting = row.setting.uncompressed
    alike = [other for other in ladder.plain if other.setting.computes_in is setting.computes_in]
    partners = [other for other in alike if other.setting == setting] or alike
    if not partners:
        return False
    before = max(excess_of_row(other, ladder.excused) for other in partners)
    return _is_clearly_more(excess_of_row(row, ladder.excused), before)


def _compression(ladder: _Ladder, rows: Sequence[SettingResult]) -> Cause:
    precisions = {row.setting.computes_in for row in rows}
    plain = [row for row in ladder.plain if row.setting.computes_in in precisions]
    names = {"target": ladder.title, "compression": ladder.form.compression}
    return _cause_of(CauseKind.COMPRESSION, Observation.COMPRESSION_DIFFERS, names, plain=plain, compressed=rows)


def _adds(ladder: _Ladder, row: SettingResult) -> Cause:
    if ladder.form.is_network:
        return _network_units(ladder, [row])
    return _found(CauseKind.PRECISION, Observation.FP16_DIFFERS, ladder, fp32=ladder.fp32.settings, fp16=[row])


def _of_fp16(row: SettingResult, ladder: _Ladder, cause: Cause) -> tuple[Cause, ...]:
    is_units = cause.kind is CauseKind.COMPUTE_UNIT and not ladder.form.is_network
    return (cause if not is_units or row.verdict is Verdict.FAIL else _ideally(ladder, [row]),)


def _is_clearly_more(excess: float, than: float) -> bool:
    return excess > 1 and excess > _CLEARLY * than


def _no_larger(rows: Sequence[SettingResult]) -> Cause:
    """Say that no difference is larger than fp32 explains: agreement only where all was compared, and passes."""
    shown = [row for row in rows if row.outputs]
    rest = [row for row in rows if row.verdict is not Verdict.PASS]
    if not rest:
        return _cause_of(CauseKind.NONE, Observation.ALL_AGREE, all=shown)
    kind = CauseKind.NONE if all(row.verdict is Verdict.FAIL for row in rest) else CauseKind.UNKNOWN
    return _cause_of(kind, Observation.NO_LARGER_THAN_ROUNDING, all=shown, rest=rest)


def _fp32_differs(ladder: _Ladder) -> Cause:
    fp32, witness = ladder.fp32, ladder.witness
    is_failing = any(row.verdict is Verdict.FAIL for row in fp32.settings)
    kind, observation = CauseKind.UNKNOWN, Observation.FP32_DIFFERS
    if witness.exists and witness.agrees and not is_failing:
        observation = Observation.FP32_NOT_JUDGED
    elif witness.exists and witness.agrees and witness.is_shown:
        kind, observation = CauseKind.CONVERTER, Observation.CONVERSION_CHANGES
    elif witness.exists:
        observation = Observation.FP32_DIFFERS_IN_PART if witness.agrees else Observation.FP32_DIFFERS_AS_WITNESS
    return _found(kind, observation, ladder, fp32=fp32.settings, witness=witness.settings)


def _fp16_differs(ladder: _Ladder, rows: Sequence[SettingResult]) -> Cause:
    """Tell what fp16 itself does from what the units add to it; a pass of the policy counts as agreement."""
    failing = [row for row in rows if row.verdict is Verdict.FAIL]
    if not ladder.ideal:
        return _found(CauseKind.PRECISION, Observation.FP16_DIFFERS, ladder, fp32=ladder.fp32.settings, fp16=rows)
    excess = _ideal_excess(ladder)
    if failing and all(rung.verdict is Verdict.PASS or _is_within(rung, excess) for rung in ladder.ideal):
        return _found(
            CauseKind.COMPUTE_UNIT, Observation.UNITS_DIFFER, ladder, fp32=ladder.fp32.settings, failing=failing
        )
    return _ideally(ladder, rows)


def _network_units(ladder: _Ladder, rows: Sequence[SettingResult]) -> Cause:
    """Say that units other than the CPU compute the same file in fp16."""
    off = [row for row in rows if excess_of_row(row, ladder.excused) > 1]
    observation = Observation.NETWORK_UNITS_DIFFER if ladder.fp32.agrees else Observation.NETWORK_UNITS_ADD
    return _found(CauseKind.COMPUTE_UNIT, observation, ladder, cpu=ladder.fp32.settings, units=off)


def _ideally(ladder: _Ladder, rows: Sequence[SettingResult]) -> Cause:
    worst = max(excess_of_row(row, ladder.excused) for row in rows)
    is_more = worst > _CLEARLY * _ideal_excess(ladder)
    observation = Observation.FP16_DIFFERS_UNITS_ADD if is_more else Observation.FP16_DIFFERS_IDEALLY
    return _found(CauseKind.PRECISION, observation, ladder, fp32=ladder.fp32.settings, fp16=rows)


def _ideal_excess(ladder: _Ladder) -> float:
    return max(excess_of_row(rung, ladder.excused) for rung in ladder.ideal)


def _is_within(rung: Rung, excess: float) -> bool:
    return excess <= 1 and rung.verdict is not Verdict.UNKNOWN


def _unlike(form: Form, compared: Sequence[SettingResult]) -> list[SettingResult]:
    return [row for row in compared if form_of(row.setting) == form and row.unlike]


def _found(kind: CauseKind, observation: Observation, ladder: _Ladder, **roles: Sequence[SettingResult]) -> Cause:
    return _cause_of(kind, observation, {"target": ladder.title}, **roles)


def _cause_of(
    kind: CauseKind, observation: Observation, names: Mapping[str, str] | None = None, **roles: Sequence[SettingResult]
) -> Cause:
    settings = {role: tuple(str(row.setting) for row in rows) for role, rows in roles.items()}
    return Cause(kind, (Evidence(observation, {}, names or {}, settings),))
