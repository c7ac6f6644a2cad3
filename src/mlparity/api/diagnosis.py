"""Why an artifact differs from its source on some samples, and at which ops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlparity.api.inspect import program_precision
from mlparity.backends import coreml
from mlparity.backends import torch as torch_backend
from mlparity.backends.checked import fitted
from mlparity.backends.torch_trace import trace_source
from mlparity.backends.torch_variants import run_in_training_mode, run_with_fp16_weights
from mlparity.compare.align import align
from mlparity.compare.noise import plausible_share
from mlparity.core.course import Course
from mlparity.core.errors import MlparityError
from mlparity.core.record import Cause, CauseKind, SettingResult
from mlparity.core.session import Outputs, Sample, SampleSet
from mlparity.core.source import Source
from mlparity.core.trace import SourceTrace
from mlparity.core.words import ComputeUnit, Confidence, Precision, Setting, Standing
from mlparity.diagnose.course import course_of
from mlparity.diagnose.distance import distance
from mlparity.diagnose.explain import Rungs, explain, origins
from mlparity.diagnose.locate import locate
from mlparity.diagnose.reshaping import reshaped
from mlparity.diagnose.substitution import values_of
from mlparity.diagnose.weights import infinite_constants
from mlparity.engine.mil.program import Op, Program
from mlparity.engine.mil.reader import read_program
from mlparity.engine.numerics import FP32, REFERENCE, TYPED
from mlparity.engine.placement.roofline import work_of
from mlparity.engine.placement.ways import Choice, plain_choice
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.features import tensors_from_features
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan

_NOISE_FACTOR = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """A package bound twice: in the numerics in question and in wide arithmetic, step for step the same."""

    program: Program
    numerics: Plan
    exact: Plan
    choice: Choice


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """The sample on which an artifact differs most, what is needed to explain it, and the arithmetic it ran in."""

    sample: str
    rungs: Rungs
    choice: Choice


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The cause, and the error along the graph of the fp16 artifact that shows it; None where it was not followed."""

    cause: Cause
    course: Course | None = None


def diagnose(
    cause: Cause, row: SettingResult | None, stage: Path, source: Source, samples: SampleSet, carry: Mapping[str, str]
) -> Diagnosis:
    """Return the ladder's cause with the ops that carry it, or a cause that the ladder alone could not tell.

    `row` is the setting to explain. The cause stays as it is where there is none, where a state is carried from sample
    to sample, where one run is too much work to be repeated, or where the engine cannot explain the artifact.
    """
    if row is None or carry or _is_too_much(row, stage / row.artifact):
        return Diagnosis(cause)
    names = {worst.sample for output in row.outputs for worst in output.worst[:1]}
    # An output of another shape has no sample that differs most.
    fitting = ((name, sample) for name, sample in samples if row.unlike or name in names)
    chosen = dict(islice(fitting, _SAMPLES))
    try:
        unit = row.setting.compute_unit if cause.kind is CauseKind.COMPUTE_UNIT else None
        case = _worst_case(stage / row.artifact, source, chosen, unit)
        found = case if isinstance(case, Cause) else explain(case.rungs)
    except _CANNOT:
        return Diagnosis(cause)
    merged = _merged(cause, found)
    if isinstance(case, Cause) or row.setting.precision is not Precision.FP16:
        return Diagnosis(merged)
    return Diagnosis(merged, _course(row, case, unit))


_CANNOT = (MlparityError, RuntimeError, ValueError, MemoryError)


def _course(row: SettingResult, case: _Case, unit: ComputeUnit | None) -> Course | None:
    """Return the error along the graph on the sample that was explained; None where it cannot be followed."""
    try:
        passed = course_of(case.rungs.numerics, case.rungs.exact, case.rungs.in_width(case.rungs.numerics))
        known = origins(case.rungs, [point.place for point in passed.points])
    except _CANNOT:
        return None
    points = tuple(replace(each, origin=known.get(each.place, "")) for each in passed.points)
    if not points:
        return None
    course = Course(row.artifact, case.sample, TYPED.summary, Standing.COMPUTED, passed.count, points)
    return course if unit is None else _emulated(course, case.choice, unit)


def _emulated(course: Course, choice: Choice, unit: ComputeUnit) -> Course:
    profiles = {each.name: each for each in (choice.profile, *choice.profiles.values())}
    least = max((each.confidence for each in profiles.values()), key=tuple(Confidence).index)
    return replace(
        course,
        arithmetic=f"a plain prediction on {unit}",
        standing=Standing.EMULATED,
        members=tuple(profiles),
        confidence=Confidence(least),
    )


def _is_too_much(row: SettingResult, package: Path) -> bool:
    """Tell by the work of a run, so that a busy machine explains what an idle one does.

    Where the work is not known, as in loops, its time tells. A package that cannot be read is left to the explanation.
    """
    try:
        program = read_program(package)
    except MlparityError:
        return False
    function = program.functions[program.default_function]
    work = None if any(op.blocks for op in function.body.ops) else work_of(function)
    return _run_seconds(row) > _LONGEST_RUN_S if work is None else work.flops > _MOST_FLOPS


def _run_seconds(row: SettingResult) -> float:
    """Return how long one run of a sample took; an emulated row counts all of its runs together."""
    runs = 1 if row.envelope is None else len(row.envelope.runs)
    return 0.0 if row.seconds_per_sample is None else row.seconds_per_sample / runs


_LONGEST_RUN_S = 5.0
_MOST_FLOPS = 4e10
"""A little more than a ViT-B/16 takes at 224 x 224, and twice an EfficientNetV2-S at 384 x 384 (assumed: an explanation
repeats a run some dozens of times)."""
_SAMPLES = 2

_REFINED_BY = {
    CauseKind.NONE: frozenset({CauseKind.CONVERTER, CauseKind.PREPROCESSING, CauseKind.TRAINING_MODE}),
    CauseKind.PRECISION: frozenset({CauseKind.PRECISION, CauseKind.OVERFLOW, CauseKind.NONDETERMINISM}),
    CauseKind.COMPUTE_UNIT: frozenset({CauseKind.PRECISION, CauseKind.OVERFLOW}),
    CauseKind.CONVERTER: frozenset(CauseKind) - {CauseKind.NONE, CauseKind.UNKNOWN},
    CauseKind.UNKNOWN: frozenset(CauseKind) - {CauseKind.NONE},
}
"""Which causes found on the engine may take the place of the ladder's."""


def _merged(cause: Cause, found: Cause) -> Cause:
    if cause.kind is CauseKind.COMPUTE_UNIT and found.kind in _REFINED_BY[cause.kind]:
        # It stays the unit's doing, whatever its arithmetic does.
        return Cause(cause.kind, f"{cause.sentence} {found.sentence}", found.ops)
    if found.kind in _REFINED_BY.get(cause.kind, ()):
        sentences = (cause.sentence, found.sentence) if found.kind is cause.kind else (found.sentence, cause.sentence)
        return Cause(found.kind, " ".join(sentences), found.ops)
    return cause


def plans_of(package: Path, unit: ComputeUnit | None = None) -> Plans:
    """Bind a package without kernels; wide arithmetic is fp32 for an fp16 program, and fp64 for an fp32 one.

    The numerics are those of a plain prediction on `unit`, its leading members; ideal arithmetic where it is None.

    Raises:
        FormatError: it cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """
    program = read_program(package)
    choice = Choice(TYPED) if unit is None else plain_choice(program.functions[program.default_function], str(unit))
    wide = FP32 if program_precision(program) is Precision.FP16 else REFERENCE
    held = {FP32.compute: dict[str, Tensor](), REFERENCE.compute: dict[str, Tensor]()}
    numerics = bind(program, choice.profile, profiles=choice.profiles, shared=held[choice.profile.compute])
    return Plans(program, numerics, bind(program, wide, shared=held[wide.compute]), choice)


def explain_package(
    package: Path, source: Source, samples: Mapping[str, Sample], unit: ComputeUnit | None = None
) -> Cause:
    """Return why `package` in the numerics of `unit` (see `plans_of`) differs from `source`, where it does so most.

    Raises:
        MlparityError: the package or a sample cannot be used.
    """
    case = _worst_case(package, source, samples, unit)
    return case if isinstance(case, Cause) else explain(case.rungs)


def _worst_case(
    package: Path, source: Source, samples: Mapping[str, Sample], unit: ComputeUnit | None
) -> _Case | Cause:
    """Return the case of the sample that differs most, or the cause that shows without it.

    That is where the artifact draws randomly, or its outputs cannot be compared.
    """
    plans = plans_of(package, unit)
    with coreml.open_way(package, ComputeUnit.CPU_ONLY, source.input_names, None) as session:
        changing = _changing(session, samples)
        if changing:
            return changing
        for sample in samples.values():
            unlike = _unlike(plans, session, source, sample)
            if unlike is not None:
                return unlike
        cases = {name: _rungs(plans, session, source, sample) for name, sample in samples.items()}
    worst = max(cases, key=lambda name: _difference(cases[name]))
    return _Case(worst, cases[worst], plans.choice)


def _unlike(plans: Plans, session: coreml.CoreMLSession, source: Source, sample: Sample) -> Cause | None:
    """Return the cause where an output is missing, of another shape, or holds nothing to compare."""
    with torch_backend.open(source) as narrow:
        expected = narrow.run(sample)
    found = session.run(_fitting(session, sample))
    paired = align(expected, found)
    if not paired.unlike:
        empty = [name for name, _ in paired.pairs if not expected[name].size]
        nothing = [*paired.problems, *(f"{name}: the output is empty" for name in empty)]
        return Cause(CauseKind.UNKNOWN, f"Not all can be compared: {'; '.join(nothing)}.") if nothing else None
    matched = {other for _, other in paired.pairs}
    inputs = tensors_from_features(plans.exact, session.features(_fitting(session, sample)))
    with torch.no_grad():
        values = values_of(plans.exact, inputs)
    trace = _traced(source, sample, _Renamed({name: name for name in expected}))
    return reshaped(paired.unlike, [name for name in found if name not in matched], plans.exact, values, trace)


def explain_alone(package: Path, samples: Mapping[str, Sample], unit: ComputeUnit | None = None) -> Cause:
    """Return why a package in the numerics of `unit` (see `plans_of`) differs from itself in wide arithmetic.

    Raises:
        MlparityError: the package or a sample cannot be used.
    """
    plans = plans_of(package, unit)
    with coreml.open_way(package, ComputeUnit.CPU_ONLY, (), None) as session:
        changing = _changing(session, samples)
        if changing:
            return changing
        cases = [_alone(plans, session.features(_fitting(session, sample))) for sample in samples.values()]
    return explain(max(cases, key=_difference))


def _alone(plans: Plans, features: Mapping[str, object]) -> Rungs:
    inputs = tensors_from_features(plans.exact, features)
    with torch.no_grad():
        expected = _tensors(run_plan(plans.exact, inputs))
    return Rungs(plans.numerics, plans.exact, inputs, expected, 0.0, _nothing, _nothing, _nothing)


def _nothing() -> None:
    return None


def suspects_of(package: Path, source: Source, samples: Sequence[Sample], setting: Setting) -> list[tuple[Op, bool]]:
    """Return the ops of a package by what they carry in a setting, and whether each overflows.

    Raises:
        MlparityError: the package or a sample cannot be used.
    """
    plans = plans_of(package, setting.compute_unit)
    with coreml.open_way(package, ComputeUnit.CPU_ONLY, source.input_names, None) as session:
        inputs = [
            tensors_from_features(plans.numerics, session.features(_fitting(session, sample))) for sample in samples
        ]
    with torch.no_grad():
        runs = [(each, _tensors(run_plan(plans.exact, each))) for each in inputs]
    found = locate(plans.numerics, plans.exact, runs)
    infinite = [(step.op, True) for step in infinite_constants(plans.exact)]
    return infinite + [(each.op, each.op in found.chain) for each in found.suspects]


def _tensors(outputs: Mapping[str, object]) -> dict[str, Tensor]:
    return {name: each for name, each in outputs.items() if isinstance(each, Tensor)}


def _difference(rungs: Rungs) -> float:
    return distance(rungs.run(rungs.numerics, rungs.inputs), rungs.expected)


def _changing(session: coreml.CoreMLSession, samples: Mapping[str, Sample]) -> Cause | None:
    """Return the cause where the artifact gives other outputs when the same sample is run again."""
    for name, sample in samples.items():
        first, second = session.run(_fitting(session, sample)), session.run(_fitting(session, sample))
        other = [key for key in first if not np.array_equal(first[key], second[key], equal_nan=True)]
        if other:
            sentence = (
                f"The artifact gives another {', '.join(other)} when sample {name} is run again: it draws randomly."
            )
            return Cause(CauseKind.NONDETERMINISM, sentence)
    return None


def _fitting(session: coreml.CoreMLSession, sample: Sample) -> Sample:
    return fitted(sample, session.signature.inputs, session.runtime)


def _rungs(plans: Plans, session: coreml.CoreMLSession, source: Source, sample: Sample) -> Rungs:
    with torch_backend.open(source) as narrow:
        expected = narrow.run(sample)
    partners = dict(align(expected, session.run(_fitting(session, sample))).pairs)
    renamed = _Renamed(partners)
    return Rungs(
        numerics=plans.numerics,
        exact=plans.exact,
        inputs=tensors_from_features(plans.exact, session.features(_fitting(session, sample))),
        expected=renamed.tensors(expected),
        floor=_NOISE_FACTOR * _noise(source, sample, expected),
        trace=cache(partial(_traced, source, sample, renamed)),
        in_training_mode=lambda: renamed.perhaps(run_in_training_mode(source, sample)),
        with_fp16_weights=lambda: renamed.perhaps(run_with_fp16_weights(source, sample)),
    )


@dataclass(frozen=True, slots=True)
class _Renamed:
    """The source's outputs under the artifact's names; those without a partner are left out."""

    partners: Mapping[str, str]

    def tensors(self, outputs: Outputs) -> dict[str, Tensor]:
        return {self.partners[name]: torch.from_numpy(each) for name, each in outputs.items() if name in self.partners}

    def perhaps(self, outputs: Outputs | None) -> dict[str, Tensor] | None:
        return None if outputs is None else self.tensors(outputs)

    def trace(self, trace: SourceTrace) -> SourceTrace:
        pairs = ((self.partners[name], number) for name, number in trace.outputs if name in self.partners)
        return replace(trace, outputs=tuple(pairs))


def _noise(source: Source, sample: Sample, narrow: Outputs) -> float:
    """Return the distance of the source's fp32 run from its fp64 run; 0.0 where it is not known."""
    try:
        with torch_backend.open(source, double=True) as wide:
            exact = wide.run(sample)
    except MlparityError:
        return 0.0
    found, expected = ({name: torch.from_numpy(each) for name, each in side.items()} for side in (narrow, exact))
    return plausible_share(distance(found, expected), wide.roundings)


def _traced(source: Source, sample: Sample, renamed: _Renamed) -> SourceTrace | None:
    for double in (True, False):
        try:
            return renamed.trace(trace_source(source, sample, double=double))
        except MlparityError:
            continue
    return None
