"""Which runs a job needs: each artifact once in each arithmetic, whatever the settings that share it. Pure data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.words import ComputeUnit, Kernels, Precision, Provenance, Setting
from mlparity.engine.placement.variants import REFERENCE, Variant
from mlparity.record.record import Artifact
from mlparity.targets.table import target_named
from mlparity.targets.target import Emulation, EngineSupport
from mlparity.verification.artifacts import Made
from mlparity.verification.not_applicable import not_applicable
from mlparity.verification.options import Members, VerifyOptions
from mlparity.verification.stored import stored_as

Emulations = Mapping[str, Emulation | MlparityError]
"""By its path, each artifact that our engine runs, or the reason why it cannot."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One artifact in one arithmetic, opened for `unit`, and the settings that share it; without any it is a rung."""

    settings: tuple[Setting, ...]
    artifact: Artifact
    unit: ComputeUnit | Kernels | None
    provenance: Provenance
    variant: Variant | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The runs of a job, the artifacts whose values are watched beside them, and why a setting has no run.

    `in_reference` is the variant of a setting that a run in reference arithmetic stands for, where it has such a one.
    """

    settings: tuple[Setting, ...]
    runs: tuple[PlannedRun, ...]
    watched: tuple[Artifact, ...] = ()
    failures: Mapping[Setting, str] = field(default_factory=dict)
    not_applicable: Mapping[Setting, str] = field(default_factory=dict)
    in_reference: Mapping[Setting, Variant] = field(default_factory=dict)


def read_emulations(made: Made, options: VerifyOptions, stage: Path) -> Emulations:
    """Read each artifact that a setting needs and our engine runs."""
    absent = not_applicable(options)
    artifacts = (made.find(setting) for setting in options.settings if setting not in absent)
    needed = {artifact.path: artifact for artifact in artifacts if artifact is not None}.values()
    found: dict[str, Emulation | MlparityError] = {}
    for artifact in needed:
        engine = target_named(artifact.target).engine
        try:
            emulation = None if engine is None else engine.emulation(stage / artifact.path)
        except MlparityError as error:
            found[artifact.path] = error
            continue
        if emulation is not None:
            found[artifact.path] = emulation
    return found


def plan_runs(made: Made, options: VerifyOptions, emulations: Emulations) -> Plan:
    """Return the runs that the settings need; settings that calculate alike share one."""
    absent, failures = not_applicable(options), dict[Setting, str]()
    runs: dict[Hashable, PlannedRun] = {}
    in_reference: dict[Setting, Variant] = {}
    for setting in options.settings:
        artifact = made.find(setting)
        if artifact is None:
            if reason := made.failures.get(stored_as(setting)):
                failures[setting] = reason
            continue
        if setting in absent:
            continue
        try:
            variants = _variants(setting, emulations.get(artifact.path), options)
        except MlparityError as error:
            failures[setting] = str(error)
            continue
        for found in variants:
            variant = found
            if found is not None and found.key == REFERENCE:
                in_reference[setting], variant = found, None
            key = (artifact.path, _arithmetic(setting) if variant is None else variant.key)
            known = runs.get(
                key, PlannedRun((), artifact, setting.compute_unit, _provenance(setting, variant), variant)
            )
            runs[key] = replace(known, settings=(*known.settings, setting))
    watched = tuple(artifact for artifact in made.artifacts if _is_emulated(emulations.get(artifact.path)))
    return Plan(
        options.settings,
        (*runs.values(), *map(_ideal, filter(_is_typed, watched))),
        watched,
        failures,
        absent,
        in_reference,
    )


def _variants(
    setting: Setting, emulation: Emulation | MlparityError | None, options: VerifyOptions
) -> tuple[Variant | None, ...]:
    """Return the variants of a setting; None stands for one that is not emulated."""
    if isinstance(emulation, MlparityError):
        raise emulation
    if emulation is None:
        return (None,)
    fast = options.members is Members.FAST
    variants = emulation.variants(setting, options.chips, options.compute_plan, fast=fast)
    return variants if variants else (None,)


def _is_emulated(emulation: Emulation | MlparityError | None) -> bool:
    return emulation is not None and not isinstance(emulation, MlparityError) and emulation.is_emulated


def _is_typed(artifact: Artifact) -> bool:
    """Tell whether an artifact has types to be stored in; ideal arithmetic of a network is that of its CPU."""
    return artifact.precision is not Precision.NEURAL_NETWORK


def _ideal(artifact: Artifact) -> PlannedRun:
    """Return the run of an emulated artifact in ideal arithmetic."""
    setting = Setting(artifact.target, artifact.precision)
    return PlannedRun((), artifact, ComputeUnit.CPU_ONLY, _provenance(setting, None))


def _engine(setting: Setting) -> EngineSupport | None:
    return target_named(setting.target).engine


def _arithmetic(setting: Setting) -> str:
    """Return a name for an arithmetic that is not emulated: each setting's own, where its own runtime predicts."""
    is_ours = _engine(setting) is not None and _provenance(setting, None) is not Provenance.MEASURED
    return "reference" if is_ours else str(setting)


def _provenance(setting: Setting, variant: Variant | None) -> Provenance:
    engine = _engine(setting)
    return Provenance.MEASURED if engine is None else engine.provenance(variant)
