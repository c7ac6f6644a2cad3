"""Runs to what the record says of them: a setting's row, its envelope, the rungs below it, and hazards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlparity.compare.envelope import envelope_of
from mlparity.compare.verdict import Judgement, judge
from mlparity.core.words import Kernels, Provenance, Setting, Verdict
from mlparity.diagnose.hazards import find_hazards
from mlparity.engine.placement.variants import Variant
from mlparity.record.causes import Hazard
from mlparity.record.figures import Envelope, OutputFigures, VariantFigures
from mlparity.record.outputs import OutputsHeader
from mlparity.record.policy import Policy
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, Rung, SettingResult
from mlparity.targets.table import leading
from mlparity.verification.runs import Run, Runs

IDEAL = "fp16-typed, ideal arithmetic"
"""The name of the rung between the fp32 settings and those of the compute units."""


def results_of(runs: Runs, policy: Policy) -> tuple[SettingResult, ...]:
    """Return a row for each setting, in the order that was asked for, and below it what a device gave for it."""
    noise = runs.noise.result()
    found = {setting: [_result(runs, setting, policy, noise)] for setting in runs.plan.settings}
    for run in runs.runs:
        if run.saved is not None:
            found.setdefault(run.settings[0], []).append(saved_result(run, run.saved, policy, noise))
    lead = leading(setting.target for setting in found)
    return tuple(
        replace(result, is_witness=(bool(lead) and result.setting.target != lead) or _is_reference(result))
        for results in found.values()
        for result in results
    )


def _is_reference(result: SettingResult) -> bool:
    """Tell whether a row is of kernels that no app ships with."""
    return isinstance(result.setting.compute_unit, Kernels)


def rungs_of(runs: Runs, policy: Policy) -> tuple[Rung, ...]:
    """Return the runs that belong to no setting."""
    noise = runs.noise.result()
    return tuple(rung_of(run, policy, noise) for run in runs.runs if not run.settings and not run.failure)


def hazards_of(runs: Runs) -> tuple[Hazard, ...]:
    """Return what the artifacts' ranges come near to, of the processors that a setting of each was asked for."""
    asked: dict[str, set[str]] = {}
    for run in runs.runs:
        units = [setting.unit for setting in run.settings if setting.unit is not None]
        asked.setdefault(run.artifact.path, set()).update(each for unit in units for each in unit.processors)
    found = (
        (hazard, tuple(each for each in hazard.processors if each in asked.get(hazard.artifact, ())))
        for watch in runs.watching()
        for hazard in find_hazards(watch.function, watch.ranges, watch.artifact.path)
    )
    return tuple(replace(hazard, processors=processors) for hazard, processors in found if processors)


def _result(runs: Runs, setting: Setting, policy: Policy, noise: Sequence[Noise]) -> SettingResult:
    if setting in runs.plan.not_applicable:
        note = runs.plan.not_applicable[setting]
        return SettingResult(setting, RowState.NOT_APPLICABLE, Verdict.UNKNOWN, note=note)
    own = [run for run in runs.runs if setting in run.settings and run.saved is None]
    if not own:
        note = runs.plan.failures.get(setting, "no artifact of this precision was given")
        return SettingResult(setting, RowState.FAILED, Verdict.UNKNOWN, note=note)
    return result_of(setting, own, policy, noise, runs.plan.in_reference.get(setting))


def result_of(
    setting: Setting,
    runs: Sequence[Run],
    policy: Policy,
    noise: Sequence[Noise],
    in_reference: Variant | None = None,
) -> SettingResult:
    """Return the row of a setting from its runs: one, or one for each plausible variant.

    `in_reference` is the variant that the run in reference arithmetic stands for.
    """
    pairs = [(run, variant) for run in runs if (variant := run.variant or in_reference) is not None]
    return _emulated(setting, pairs, policy, noise) if pairs else _single(setting, runs[0], policy, noise)


def saved_result(run: Run, saved: OutputsHeader, policy: Policy, noise: Sequence[Noise]) -> SettingResult:
    """Return the row of outputs that were saved elsewhere; the time of our reading says nothing."""
    return replace(_single(run.settings[0], run, policy, noise), runtime=saved.origin, seconds_per_sample=None)


def rung_of(run: Run, policy: Policy, noise: Sequence[Noise]) -> Rung:
    """Return the rung of an artifact's run in ideal arithmetic."""
    outputs = run.comparer.result()
    return Rung(
        name=IDEAL,
        meaning="each value stored in its declared type, each sum in fp32: what fp16 alone does",
        precision=run.artifact.precision,
        artifact=run.artifact.path,
        provenance=run.provenance,
        verdict=_judged(run, outputs, policy, noise).verdict,
        outputs=outputs,
    )


def _single(setting: Setting, run: Run, policy: Policy, noise: Sequence[Noise]) -> SettingResult:
    if run.failure:
        return SettingResult(setting, RowState.FAILED, Verdict.UNKNOWN, note=run.failure)
    outputs = run.comparer.result()
    return _row(setting, run, outputs, _judged(run, outputs, policy, noise))


def _row(
    setting: Setting,
    run: Run,
    outputs: tuple[OutputFigures, ...],
    judgement: Judgement,
    envelope: Envelope | None = None,
) -> SettingResult:
    return SettingResult(
        setting=setting,
        state=RowState.COMPARED,
        verdict=judgement.verdict,
        provenance=run.provenance if envelope is None else Provenance.EMULATED,
        runtime=run.session.runtime if run.session is not None else "",
        artifact=run.artifact.path,
        note=run.note,
        reasons=judgement.reasons,
        outputs=outputs,
        unlike=run.comparer.unlike,
        seconds_per_sample=run.seconds / run.samples if run.samples else None,
        task_figures=run.comparer.task_figures,
        envelope=envelope,
    )


def _emulated(
    setting: Setting, pairs: Sequence[tuple[Run, Variant]], policy: Policy, noise: Sequence[Noise]
) -> SettingResult:
    runs = [run for run, _ in pairs]
    outputs = [() if run.failure else run.comparer.result() for run in runs]
    judgements = [_judged(run, figures, policy, noise) for run, figures in zip(runs, outputs, strict=True)]
    variants = [
        _variant(run, variant, figures, judgement)
        for (run, variant), figures, judgement in zip(pairs, outputs, judgements, strict=True)
    ]
    envelope, worst = envelope_of(variants, outputs)
    if all(run.failure for run in runs):
        return SettingResult(setting, RowState.FAILED, Verdict.UNKNOWN, note=runs[worst].failure)
    row = _row(setting, runs[worst], outputs[worst], judgements[worst], envelope)
    reasons = (*row.reasons, *_share_of(variants, row.verdict))
    return replace(row, reasons=reasons, seconds_per_sample=_seconds(runs))


def _judged(run: Run, outputs: tuple[OutputFigures, ...], policy: Policy, noise: Sequence[Noise]) -> Judgement:
    if run.failure:
        return Judgement(Verdict.UNKNOWN, (run.failure,))
    return judge(policy, outputs, noise, run.comparer.problems, run.comparer.task_figures, run.comparer.unlike)


def _variant(run: Run, variant: Variant, outputs: tuple[OutputFigures, ...], judgement: Judgement) -> VariantFigures:
    return VariantFigures(
        name=variant.name,
        profiles=tuple(unit_profile.name for unit_profile in variant.profiles),
        placement=variant.placement,
        chips=variant.chips,
        confidence=variant.confidence,
        verdict=judgement.verdict,
        figures={output.output: output.figures for output in outputs},
        note=run.failure,
    )


def _share_of(variants: Sequence[VariantFigures], verdict: Verdict) -> tuple[str, ...]:
    """Say how many of the variants have the verdict of the worst, where not all have it."""
    alike = sum(variant.verdict is verdict for variant in variants)
    if alike == len(variants):
        return ()
    return (f"{alike} of {len(variants)} plausible variants: {verdict}",)


def _seconds(runs: Sequence[Run]) -> float | None:
    """Return the time that one sample took in all runs together."""
    timed = [run.seconds / run.samples for run in runs if run.samples]
    return sum(timed) if timed else None
