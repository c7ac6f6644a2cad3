"""Why a package differs, from the package and some samples alone: it is run again, in other arithmetic and op by op."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from mlparity.compare.align import align
from mlparity.core.change import Change
from mlparity.core.errors import FormatError
from mlparity.core.session import Outputs, Sample
from mlparity.core.source import Source, left_by
from mlparity.core.steps import step_of
from mlparity.core.trace import SourceTrace
from mlparity.core.words import ComputeUnit, Precision, Setting
from mlparity.diagnose.classifiers import with_probabilities
from mlparity.diagnose.distance import distance
from mlparity.diagnose.explain import begins_at, explain, explain_all
from mlparity.diagnose.infinite_weights import infinite_constants
from mlparity.diagnose.locate import locate
from mlparity.diagnose.other_samples import Sampled, explain_samples
from mlparity.diagnose.other_weights import Weights
from mlparity.diagnose.reshaping import reshaped
from mlparity.diagnose.rungs import Rungs
from mlparity.diagnose.substitution import values_of
from mlparity.engine.mil.precision import program_precision
from mlparity.engine.mil.program import Op, Program, TensorType
from mlparity.engine.numerics import FP32, REFERENCE
from mlparity.engine.placement.variants import Choice, ideal_choice, plain_choice
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.features import tensors_from_features
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan
from mlparity.engine.runtime.states import with_open_states
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.policy import NOISE_FACTOR
from mlparity.sessions import torch as torch_session
from mlparity.sessions.checked import fitted
from mlparity.sessions.torch_changes import fast_layers, named_weights, run_changed, with_weights
from mlparity.sessions.torch_variants import run_in_training_mode, run_with_fp16_weights
from mlparity.targets.table import checked_target, targets
from mlparity.targets.target import EngineSession, EngineSupport, Opening
from mlparity.verification.fixed_lengths import fixed_length
from mlparity.verification.source_runs import noise_of_source, traced, traces_of_others


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """A package bound twice: in the numerics in question and in wide arithmetic, step for step the same."""

    package: Path
    program: Program
    numerics: Plan
    exact: Plan
    choice: Choice
    states: Mapping[str, str] = field(default_factory=dict)

    @property
    def half_states(self) -> Mapping[str, str]:
        """The output of each state that is stored in fp16 beside ops in fp32, and the state's name."""
        if program_precision(self.program) is Precision.FP16:
            return {}
        return {left_by(name): name for name, own in self.states.items() if _dtype(self.exact, own) == "fp16"}

    def with_held(self, sample: Sample) -> Sample:
        """Return a sample whose states are numbers that the package can hold."""
        held = {name: sample[name].astype(np.float16) for name in self._halves() if name in sample}
        return {**sample, **{name: value.astype(sample[name].dtype) for name, value in held.items()}}

    def _halves(self) -> Iterator[str]:
        return (name for name, own in self.states.items() if _dtype(self.exact, own) == "fp16")


def _dtype(plan: Plan, name: str) -> str:
    declared = plan.inputs[name][1].type
    return declared.dtype if isinstance(declared, TensorType) else ""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """The sample on which an artifact differs most, what is needed to explain it, and the arithmetic it ran in.

    `others` are the other samples, `states` the package's.
    """

    sample: str
    rungs: Rungs
    choice: Choice
    others: Mapping[str, Rungs] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)

    def causes(self) -> tuple[Cause, ...]:
        """Return the causes on that sample, and those that show on others."""
        sampled = [_sampled(name, rungs) for name, rungs in self.others.items()]
        causes = explain_samples(_sampled(self.sample, self.rungs), sampled)
        if step_of(self.sample) is None or not self.states:
            return causes
        seen = Evidence(Observation.ON_SAMPLE, names={"sample": self.sample})
        return tuple(
            cause
            if cause.kind is CauseKind.NONE or any(each.observation is Observation.ON_SAMPLE for each in cause.evidence)
            else replace(cause, evidence=(*cause.evidence, seen))
            for cause in causes
        )


def _sampled(name: str, rungs: Rungs) -> Sampled:
    return Sampled(name, _difference(rungs), rungs.floor, partial(begins_at, rungs), partial(explain_all, rungs))


def engine_of(path: Path) -> EngineSupport:
    """Return what our engine does for the target of an artifact.

    Raises:
        FormatError: there is no artifact, or the engine does not run artifacts of its target.
    """
    engine = checked_target(path).engine
    if engine is None:
        expected = ", ".join(suffix for target in targets() if target.engine is not None for suffix in target.suffixes)
        raise FormatError(
            "ops are located in what the engine runs", where=str(path), expected=expected, next_step="check the path"
        )
    return engine


def open_reference(path: Path, input_names: tuple[str, ...] = ()) -> EngineSession:
    """Return a session of an artifact in reference arithmetic.

    Raises:
        MlparityError: the engine does not run it, or it does not open.
    """
    return engine_of(path).open_variant(path, Opening(ComputeUnit.CPU_ONLY, input_names), None)


def plans_of(package: Path, unit: ComputeUnit | None = None, states: Mapping[str, str] = MappingProxyType({})) -> Plans:
    """Bind a package without kernels; wide arithmetic is fp32 for an fp16 program, and fp64 for an fp32 one.

    The numerics are those of a plain prediction on `unit`, its leading profiles; ideal arithmetic where it is None.
    The package's states are inputs and outputs, by the names in `states`.

    Raises:
        FormatError: it cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """
    program = read_program(package)
    function = program.functions[program.default_function]
    choice = ideal_choice(function) if unit is None else plain_choice(function, str(unit))
    wide = FP32 if program_precision(program) is not Precision.FP32 and choice.profile is not FP32 else REFERENCE
    crossings = (choice.profile, choice.profiles)
    held = {FP32.compute: dict[str, Tensor](), REFERENCE.compute: dict[str, Tensor]()}
    numerics = bind(program, choice.profile, profiles=choice.profiles, shared=held[choice.profile.compute])
    exact = bind(program, wide, shared=held[wide.compute], crossings=crossings)
    names = {own: left_by(name) for name, own in states.items()}
    rounded, whole = (with_probabilities(with_open_states(plan, names)) for plan in (numerics, exact))
    return Plans(package, program, rounded, whole, choice, states)


def explain_package(
    package: Path, source: Source, samples: Mapping[str, Sample], unit: ComputeUnit | None = None
) -> Cause:
    """Return why `package` in the numerics of `unit` (see `plans_of`) differs from `source`, where it does so most.

    Raises:
        MlparityError: the package or a sample cannot be used.
    """
    case = worst_case(package, source, samples, unit)
    return case if isinstance(case, Cause) else explain(case.rungs)


def worst_case(
    package: Path,
    source: Source,
    samples: Mapping[str, Sample],
    unit: ComputeUnit | None,
    noise_factor: float = NOISE_FACTOR,
    beside: Mapping[str, Sample] | None = None,
) -> Case | Cause:
    """Return the case of the sample that differs most, or the cause that shows without it.

    That is where the artifact draws randomly, or its outputs cannot be compared. What is within `noise_factor` times
    the source's own noise is not explained. `beside` are other samples, on which the source may have gone other ways.

    Raises:
        MlparityError: the package or a sample cannot be used.
    """
    with closing(open_reference(package, source.input_names)) as session:
        plans = plans_of(package, unit, session.states)
        samples = {name: plans.with_held(sample) for name, sample in samples.items()}
        changing = _changing(session, samples)
        if changing:
            return changing
        for sample in samples.values():
            unlike = _unlike(plans, session, source, sample)
            if unlike is not None:
                return unlike
        seen = {name: _seen(session, plans, source, sample) for name, sample in samples.items()}
    # The session is closed: what follows opens the source in fp64.
    around = {**(beside or {}), **samples}
    cases = {
        name: _rungs(plans, source, each, noise_factor, partial(traces_of_others, source, around, name))
        for name, each in seen.items()
    }
    worst = max(cases, key=lambda name: _difference(cases[name]))
    others = {name: rungs for name, rungs in cases.items() if name != worst}
    return Case(worst, cases[worst], plans.choice, others, plans.states)


def _unlike(plans: Plans, session: EngineSession, source: Source, sample: Sample) -> Cause | None:
    """Return the cause where an output is missing, of another shape, or holds nothing to compare."""
    with torch_session.open(source) as narrow:
        expected = narrow.run(sample)
    found = session.run(_fitting(session, sample))
    paired = align(expected, found)
    if not paired.unlike:
        empty = [name for name, _ in paired.pairs if not expected[name].size]
        nothing = [*paired.problems, *(f"{name}: the output is empty" for name in empty)]
        evidence = Evidence(Observation.OUTPUTS_NOT_COMPARED, names={"reasons": "; ".join(nothing)})
        return Cause(CauseKind.UNKNOWN, (evidence,)) if nothing else None
    matched = {other for _, other in paired.pairs}
    inputs = tensors_from_features(plans.exact, session.features(_fitting(session, sample)))
    with torch.no_grad():
        values = values_of(plans.exact, inputs)
    trace = traced(source, sample)
    return reshaped(paired.unlike, [name for name in found if name not in matched], plans.exact, values, trace)


def explain_alone(package: Path, samples: Mapping[str, Sample], unit: ComputeUnit | None = None) -> Cause:
    """Return why a package in the numerics of `unit` (see `plans_of`) differs from itself in wide arithmetic.

    Raises:
        MlparityError: the package or a sample cannot be used.
    """
    with closing(open_reference(package)) as session:
        plans = plans_of(package, unit, session.states)
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
    with closing(open_reference(package, source.input_names)) as session:
        plans = plans_of(package, setting.unit, session.states)
        fitting = (_fitting(session, plans.with_held(sample)) for sample in samples)
        inputs = [tensors_from_features(plans.numerics, session.features(sample)) for sample in fitting]
    with torch.no_grad():
        runs = [(sample, _tensors(run_plan(plans.exact, sample))) for sample in inputs]
    found = locate(plans.numerics, plans.exact, runs)
    infinite = [(step.op, True) for step in infinite_constants(plans.exact)]
    return infinite + [(suspect.op, suspect.op in found.chain) for suspect in found.suspects]


def _tensors(outputs: Mapping[str, object]) -> dict[str, Tensor]:
    return {name: value for name, value in outputs.items() if isinstance(value, Tensor)}


def _difference(rungs: Rungs) -> float:
    return distance(rungs.run(rungs.numerics, rungs.inputs), rungs.expected)


def _changing(session: EngineSession, samples: Mapping[str, Sample]) -> Cause | None:
    """Return the cause where the artifact gives other outputs when the same sample is run again."""
    for name, sample in samples.items():
        first, second = session.run(_fitting(session, sample)), session.run(_fitting(session, sample))
        other = [key for key in first if not np.array_equal(first[key], second[key], equal_nan=True)]
        if other:
            names = {"outputs": ", ".join(other), "sample": name}
            return Cause(CauseKind.NONDETERMINISM, (Evidence(Observation.DRAWS_RANDOMLY, names=names),))
    return None


def _fitting(session: EngineSession, sample: Sample) -> Sample:
    return fitted(sample, session.signature.inputs, session.runtime)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What both sides give for a sample, and the sample as the artifact takes it."""

    sample: Sample
    expected: Outputs
    found: Outputs
    inputs: Mapping[str, Tensor]


def _seen(session: EngineSession, plans: Plans, source: Source, sample: Sample) -> _Seen:
    with torch_session.open(source) as narrow:
        expected = narrow.run(sample)
    fitting = _fitting(session, sample)
    inputs = tensors_from_features(plans.exact, session.features(fitting))
    return _Seen(sample, expected, session.run(fitting), inputs)


def _rungs(
    plans: Plans, source: Source, seen: _Seen, noise_factor: float, others: Callable[[], Sequence[SourceTrace]]
) -> Rungs:
    sample, expected = seen.sample, seen.expected
    renamed = _Renamed(dict(align(expected, seen.found).pairs))
    return Rungs(
        numerics=plans.numerics,
        exact=plans.exact,
        inputs=dict(seen.inputs),
        expected=renamed.tensors(expected),
        floor=noise_factor * noise_of_source(source, sample, expected),
        trace=cache(lambda: renamed.perhaps_trace(traced(source, sample))),
        in_training_mode=lambda: renamed.perhaps(run_in_training_mode(source, sample)),
        with_fp16_weights=lambda: renamed.perhaps(run_with_fp16_weights(source, sample)),
        rerun=lambda change: renamed.perhaps(run_changed(source, sample, change)),
        by_parts=lambda: renamed.perhaps(run_changed(source, sample, Change(), double=False)),
        others=others,
        weights=named_weights(source),
        fast_layers=fast_layers(source),
        fixed_length=lambda: _fixed_length(plans, source, sample),
        with_weights=partial(_with_weights, plans, source, sample, noise_factor),
        half_states=plans.half_states,
        changed=partial(_with_change, plans, source, sample, noise_factor),
    )


def _with_weights(plans: Plans, source: Source, sample: Sample, noise_factor: float, weights: Weights) -> Rungs | None:
    other = with_weights(source, weights)
    if other is None:
        return None
    with closing(open_reference(plans.package, source.input_names)) as session:
        seen = _seen(session, plans, other, sample)
    return replace(_rungs(plans, other, seen, noise_factor, tuple), with_weights=lambda _: None)


def _with_change(plans: Plans, source: Source, sample: Sample, noise_factor: float, change: Change) -> Rungs | None:
    """Return the same of a source that runs with a change; its expected outputs are those of a changed run in fp32."""
    outputs = run_changed(source, sample, change, double=False)
    if outputs is None:
        return None
    with closing(open_reference(plans.package, source.input_names)) as session:
        seen = _seen(session, plans, source, sample)
    renamed = _Renamed(dict(align(outputs, seen.found).pairs))
    return replace(
        _rungs(plans, source, seen, noise_factor, tuple),
        expected=renamed.tensors(outputs),
        trace=cache(lambda: renamed.perhaps_trace(traced(source, sample, change))),
        in_training_mode=_nothing,
        rerun=lambda other: renamed.perhaps(run_changed(source, sample, change.with_others(other))),
        with_weights=lambda _: None,
        changed=lambda _: None,
    )


def _fixed_length(plans: Plans, source: Source, sample: Sample) -> Cause | None:
    features = plans.exact.interface.inputs
    if not any(low != high for feature in features for low, high in feature.sizes):
        return None
    with closing(open_reference(plans.package, source.input_names)) as session:
        return fixed_length(plans.exact, session, source, sample)


@dataclass(frozen=True, slots=True)
class _Renamed:
    """The source's outputs under the artifact's names; those without a partner are left out."""

    partners: Mapping[str, str]

    def tensors(self, outputs: Outputs) -> dict[str, Tensor]:
        return {
            self.partners[name]: torch.from_numpy(array) for name, array in outputs.items() if name in self.partners
        }

    def perhaps(self, outputs: Outputs | None) -> dict[str, Tensor] | None:
        return None if outputs is None else self.tensors(outputs)

    def perhaps_trace(self, trace: SourceTrace | None) -> SourceTrace | None:
        if trace is None:
            return None
        pairs = ((self.partners[name], number) for name, number in trace.outputs if name in self.partners)
        return replace(trace, outputs=tuple(pairs))
