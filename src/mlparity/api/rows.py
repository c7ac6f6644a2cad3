"""The rows of the table: a session for each setting, run on every sample and compared with the source."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.api.artifacts import Made
from mlparity.api.explained import explained
from mlparity.api.options import RuntimeOptions, VerifyOptions
from mlparity.backends import coreml
from mlparity.backends.carrying import CarryingSession
from mlparity.backends.checked import run_checked
from mlparity.compare.comparer import Comparer, noise_of
from mlparity.compare.verdict import judge
from mlparity.core.errors import MlparityError
from mlparity.core.policy import Policy
from mlparity.core.progress import Progress
from mlparity.core.record import Artifact, Noise, RowState, SettingResult
from mlparity.core.session import Outputs, Sample, SampleSet, Session
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit, Setting, Standing, Target, Verdict
from mlparity.samples.check import check_sample, signature_of
from mlparity.samples.images import thumbnail

if TYPE_CHECKING:
    from mlparity.api.resume import Journal, Seen


@dataclass(slots=True)
class Run:
    """One artifact in one arithmetic: the settings that share it, its session, and what was seen of it."""

    settings: list[Setting]
    artifact: Artifact
    session: Session | None
    standing: Standing
    comparer: Comparer
    seconds: float = 0.0
    samples: int = 0
    failure: str = ""


@dataclass(slots=True)
class Rows:
    """All runs of a verification, and the source's own noise."""

    settings: tuple[Setting, ...]
    runs: list[Run]
    failures: dict[Setting, str]
    explained: dict[Setting, str] = field(default_factory=dict)
    carried: frozenset[str] = frozenset()
    noise_comparer: Comparer = field(default_factory=lambda: Comparer(class_outputs=()))
    noise_failure: str = ""

    def noise(self) -> tuple[Noise, ...]:
        """Return the source's fp32 noise for each output; empty where it cannot run in fp64."""
        return () if self.noise_failure else noise_of(self.noise_comparer.result())

    def results(self, policy: Policy, noise: Sequence[Noise]) -> tuple[SettingResult, ...]:
        """Return a row for each setting, in the order that was asked for."""
        by_setting = {setting: run for run in self.runs for setting in run.settings}
        return tuple(self._result(setting, by_setting.get(setting), policy, noise) for setting in self.settings)

    def _result(self, setting: Setting, run: Run | None, policy: Policy, noise: Sequence[Noise]) -> SettingResult:
        if setting in self.explained:
            return SettingResult(setting, RowState.EXPLAINED, Verdict.UNKNOWN, note=self.explained[setting])
        if run is None or run.failure:
            note = self.failures.get(setting, "no artifact of this precision was given") if run is None else run.failure
            return SettingResult(setting, RowState.FAILED, Verdict.UNKNOWN, note=note)
        outputs = run.comparer.result()
        task_figures = run.comparer.task_figures
        judgement = judge(policy, outputs, noise, run.comparer.problems, task_figures)
        return SettingResult(
            setting=setting,
            state=RowState.COMPARED,
            verdict=judgement.verdict,
            standing=run.standing,
            runtime=run.session.runtime if run.session is not None else "",
            artifact=run.artifact.path,
            note=_note(setting, run),
            reasons=judgement.reasons,
            outputs=outputs,
            seconds_per_sample=run.seconds / run.samples if run.samples else None,
            task_figures=task_figures,
        )


def _note(setting: Setting, run: Run) -> str:
    if len(run.settings) < 2 or run.standing is Standing.MEASURED or setting.compute_unit is ComputeUnit.CPU_ONLY:
        return ""
    return "Computed in reference arithmetic, the same for each compute unit: the units' own numerics are not emulated."


NewComparer = Callable[[], Comparer]
"""Makes a comparer that knows the tasks of the outputs and the user's own metrics."""


def open_rows(made: Made, options: VerifyOptions, stage: Path, source: Source, new_comparer: NewComparer) -> Rows:
    """Open a session for each artifact and arithmetic; one that fails to open is a row with the reason."""
    rows = Rows(options.settings, [], {}, explained(options), frozenset(options.carry.values()))
    by_arithmetic: dict[tuple[str, str], Run] = {}
    for setting in options.settings:
        artifact = made.find((setting.target, setting.precision))
        if artifact is None:
            reason = made.failures.get((setting.target, setting.precision))
            if reason is not None:
                rows.failures[setting] = reason
            continue
        if setting in rows.explained:
            continue
        key = (artifact.path, _arithmetic(setting))
        if key in by_arithmetic:
            by_arithmetic[key].settings.append(setting)
            continue
        run = Run([setting], artifact, None, _standing(setting), new_comparer())
        by_arithmetic[key] = _opened(run, options, stage, source)
        rows.runs.append(by_arithmetic[key])
    return rows


def _arithmetic(setting: Setting) -> str:
    if setting.target is Target.COREML and setting.compute_unit is not None:
        return coreml.arithmetic_of(setting.compute_unit)
    return str(setting)


def _standing(setting: Setting) -> Standing:
    return coreml.standing() if setting.target is Target.COREML else Standing.MEASURED


def _opened(run: Run, options: VerifyOptions, stage: Path, source: Source) -> Run:
    try:
        inner = open_session(stage / run.artifact.path, run.settings[0], source, options.runtime)
        run.session = CarryingSession(inner, options.carry)
    except MlparityError as error:
        run.failure = str(error)
    return run


def open_session(
    path: Path, setting: Setting, source: Source | None = None, runtime: RuntimeOptions | None = None
) -> Session:
    """Return a session of the artifact at `path` in `setting`, under the source's names where it is known."""
    names = (source.input_names, source.output_names) if source is not None else ((), ())
    if setting.target is Target.COREAI:
        return _open_coreai(path, setting, names, runtime if runtime is not None else RuntimeOptions())
    return _OPENERS[setting.target](path, setting, names)


_Names = tuple[tuple[str, ...], tuple[str, ...]]


def _open_coreml(path: Path, setting: Setting, names: _Names) -> Session:
    return coreml.open_package(path, setting.compute_unit or ComputeUnit.ALL, names[0])


def _open_litert(path: Path, _: Setting, names: _Names) -> Session:
    from mlparity.backends import litert

    return litert.open(path, input_names=names[0], output_names=names[1])


def _open_onnx(path: Path, _: Setting, __: _Names) -> Session:
    from mlparity.backends import onnxruntime

    return onnxruntime.open(path)


def _open_coreai(path: Path, setting: Setting, names: _Names, runtime: RuntimeOptions) -> Session:
    from mlparity.backends import coreai

    return coreai.open(
        path,
        unit=setting.compute_unit,
        input_names=names[0],
        output_names=names[1],
        time_limit=runtime.time_limit,
        show_log=runtime.show_log,
    )


_OPENERS: dict[Target, Callable[[Path, Setting, _Names], Session]] = {
    Target.COREML: _open_coreml,
    Target.LITERT: _open_litert,
    Target.ONNX: _open_onnx,
}


def compare_samples(
    rows: Rows, samples: SampleSet, references: tuple[Session, Session], journal: Journal, progress: Progress
) -> Seen:
    """Run every session on every sample that is not in the journal, one at a time, and return what was seen.

    Memory does not grow with the number of samples.
    """
    narrow, wide = references
    signature = signature_of(_given(next(iter(samples))[1], rows))
    remaining, seen = journal.remaining(rows, references, samples)
    for name, sample in remaining:
        progress("compare", seen.done, len(samples))
        check_sample(_given(sample, rows), signature, name)
        expected = run_checked(narrow, sample)
        _add_noise(rows, name, sample, expected, wide)
        for run in rows.runs:
            _add(run, name, sample, expected, samples)
        seen.add(name, sample)
        journal.keep(rows, references, seen)
    progress("compare", len(samples), len(samples))
    return seen


def _given(sample: Sample, rows: Rows) -> Sample:
    """Return the sample without the inputs that an earlier output feeds."""
    return {name: array for name, array in sample.items() if name not in rows.carried}


def _add_noise(rows: Rows, name: str, sample: Sample, narrow: Outputs, wide: Session) -> None:
    if rows.noise_failure:
        return
    try:
        rows.noise_comparer.add(name, run_checked(wide, sample), narrow)
    except MlparityError as error:
        rows.noise_failure = str(error)


def _add(run: Run, name: str, sample: Sample, expected: Outputs, samples: SampleSet) -> None:
    if run.session is None or run.failure:
        return
    started = time.perf_counter()
    try:
        outputs = run_checked(run.session, sample)
    except MlparityError as error:
        run.failure = f"sample {name}: {error}"
        return
    run.seconds += time.perf_counter() - started
    run.samples += 1
    run.comparer.add(name, expected, outputs, lambda: thumbnail(samples, name))


def close_rows(rows: Rows) -> None:
    """Close every session."""
    for run in rows.runs:
        if run.session is not None:
            run.session.close()
