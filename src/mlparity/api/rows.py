"""The rows of the table: a session for each setting, or each plausible way of it, run and compared with the source."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.api.artifacts import Made
from mlparity.api.explained import explained
from mlparity.api.options import Members, RuntimeOptions, VerifyOptions
from mlparity.api.results import result_of, rung_of, saved_result
from mlparity.backends import coreml
from mlparity.backends.carrying import CarryingSession
from mlparity.backends.checked import run_checked
from mlparity.backends.coreml import Emulation
from mlparity.backends.torch import roundings_of
from mlparity.compare.comparer import Comparer
from mlparity.compare.noise import noise_of
from mlparity.core.errors import MlparityError
from mlparity.core.policy import Policy
from mlparity.core.progress import Progress
from mlparity.core.record import Artifact, Hazard, Noise, RowState, Rung, SettingResult
from mlparity.core.session import Outputs, Sample, SampleSet, Session
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit, Setting, Standing, Target, Verdict
from mlparity.diagnose.hazards import find_hazards
from mlparity.diagnose.ranges import Ranges
from mlparity.engine.mil.program import Function
from mlparity.engine.placement.ways import Way
from mlparity.record.outputs import OutputsHeader
from mlparity.samples.check import check_sample, signature_of
from mlparity.samples.images import thumbnail

if TYPE_CHECKING:
    from mlparity.api.resume import Journal, Seen


@dataclass(slots=True)
class Run:
    """One artifact in one arithmetic: the settings that share it, its session, and what was seen of it.

    `way` says how an emulated run calculates. A run without settings is a rung of the ladder. `saved` tells of
    outputs that were saved elsewhere; such a run is a row of its own.
    """

    settings: list[Setting]
    artifact: Artifact
    session: Session | None
    standing: Standing
    comparer: Comparer
    way: Way | None = None
    saved: OutputsHeader | None = None
    seconds: float = 0.0
    samples: int = 0
    failure: str = ""


@dataclass(slots=True)
class Watch:
    """An emulated artifact, run without rounding to see what ranges its values take."""

    artifact: Artifact
    function: Function
    session: Session
    ranges: Ranges


@dataclass(slots=True)
class Rows:
    """All runs of a verification, and the source's own noise; `roundings` are those of its run in fp64."""

    settings: tuple[Setting, ...]
    runs: list[Run]
    failures: dict[Setting, str]
    explained: dict[Setting, str] = field(default_factory=dict)
    carried: frozenset[str] = frozenset()
    watches: list[Watch] = field(default_factory=list)
    noise_comparer: Comparer = field(default_factory=lambda: Comparer(class_outputs=()))
    noise_failure: str = ""
    roundings: float = 0.0

    def noise(self) -> tuple[Noise, ...]:
        """Return the source's fp32 noise for each output; empty where it cannot run in fp64."""
        return () if self.noise_failure else noise_of(self.noise_comparer.result(), self.roundings)

    def results(self, policy: Policy, noise: Sequence[Noise]) -> tuple[SettingResult, ...]:
        """Return a row for each setting, in the order that was asked for, and below it what a device gave for it."""
        found = {setting: [self._result(setting, policy, noise)] for setting in self.settings}
        for run in self.runs:
            if run.saved is not None:
                found.setdefault(run.settings[0], []).append(saved_result(run, run.saved, policy, noise))
        return tuple(result for results in found.values() for result in results)

    def rungs(self, policy: Policy, noise: Sequence[Noise]) -> tuple[Rung, ...]:
        """Return the runs that belong to no setting."""
        return tuple(rung_of(run, policy, noise) for run in self.runs if not run.settings and not run.failure)

    def hazards(self) -> tuple[Hazard, ...]:
        """Return what the artifacts' ranges come near to."""
        return tuple(
            hazard
            for watch in self.watches
            for hazard in find_hazards(watch.function, watch.ranges.found, watch.artifact.path)
        )

    def _result(self, setting: Setting, policy: Policy, noise: Sequence[Noise]) -> SettingResult:
        if setting in self.explained:
            return SettingResult(setting, RowState.EXPLAINED, Verdict.UNKNOWN, note=self.explained[setting])
        runs = [run for run in self.runs if setting in run.settings and run.saved is None]
        if not runs:
            note = self.failures.get(setting, "no artifact of this precision was given")
            return SettingResult(setting, RowState.FAILED, Verdict.UNKNOWN, note=note)
        return result_of(setting, runs, policy, noise)


NewComparer = Callable[[], Comparer]
"""Makes a comparer that knows the tasks of the outputs and the user's own metrics."""


def open_rows(made: Made, options: VerifyOptions, stage: Path, source: Source, new_comparer: NewComparer) -> Rows:
    """Open a session for each artifact and arithmetic; one that fails to open is a row with the reason."""
    rows = Rows(options.settings, [], {}, explained(options), frozenset(options.carry.values()))
    emulations: dict[str, Emulation | None] = {}
    by_arithmetic: dict[Hashable, Run] = {}
    for setting in options.settings:
        artifact = made.find((setting.target, setting.precision))
        if artifact is None:
            reason = made.failures.get((setting.target, setting.precision))
            if reason is not None:
                rows.failures[setting] = reason
            continue
        if setting in rows.explained:
            continue
        try:
            ways = _ways(setting, artifact, options, stage, emulations)
        except MlparityError as error:
            rows.failures[setting] = str(error)
            continue
        for way in ways:
            key = (artifact.path, way.key if way is not None else _arithmetic(setting))
            if key not in by_arithmetic:
                run = Run([], artifact, None, _standing(setting, way), new_comparer(), way)
                by_arithmetic[key] = _opened(run, setting, options, stage, source)
            by_arithmetic[key].settings.append(setting)
    rows.runs.extend(by_arithmetic.values())
    emulated = [(each, found) for each in made.artifacts if (found := emulations.get(each.path)) and found.is_emulated]
    for artifact, emulation in emulated:
        setting = Setting(artifact.target, artifact.precision, ComputeUnit.CPU_ONLY)
        run = Run([], artifact, None, _standing(setting, None), new_comparer())
        rows.runs.append(_opened(run, setting, options, stage, source))
        rows.watches.extend(_watched(artifact, emulation, options, stage, source))
    return rows


def _ways(
    setting: Setting,
    artifact: Artifact,
    options: VerifyOptions,
    stage: Path,
    emulations: dict[str, Emulation | None],
) -> tuple[Way | None, ...]:
    """Return the ways to run a setting; None stands for one that is not emulated."""
    if setting.target is not Target.COREML or setting.compute_unit is None:
        return (None,)
    if artifact.path not in emulations:
        emulations[artifact.path] = coreml.emulation_of(stage / artifact.path)
    emulation = emulations[artifact.path]
    if emulation is None or not emulation.is_emulated:
        return (None,)
    fast = options.members is Members.FAST
    return emulation.ways(setting.compute_unit, options.chips, options.compute_plan, fast=fast)


def _watched(
    artifact: Artifact, emulation: Emulation, options: VerifyOptions, stage: Path, source: Source
) -> Iterator[Watch]:
    """Yield the watch of an artifact, none where it does not open: its rows say so."""
    ranges = Ranges()
    try:
        session = coreml.open_watched(stage / artifact.path, source.input_names, ranges)
    except MlparityError:
        return
    yield Watch(artifact, emulation.package.function(None), CarryingSession(session, options.carry), ranges)


def _arithmetic(setting: Setting) -> str:
    """Return a name for an arithmetic that is not emulated: each unit's own where Core ML itself predicts."""
    if setting.target is Target.COREML and coreml.standing(None) is not Standing.MEASURED:
        return "reference"
    return str(setting)


def _standing(setting: Setting, way: Way | None) -> Standing:
    return coreml.standing(way) if setting.target is Target.COREML else Standing.MEASURED


def _opened(run: Run, setting: Setting, options: VerifyOptions, stage: Path, source: Source) -> Run:
    try:
        inner = _open(stage / run.artifact.path, setting, source, options, run.way)
        run.session = CarryingSession(inner, options.carry)
    except MlparityError as error:
        run.failure = str(error)
    return run


def _open(path: Path, setting: Setting, source: Source, options: VerifyOptions, way: Way | None) -> Session:
    if setting.target is Target.COREML:
        return coreml.open_way(path, setting.compute_unit or ComputeUnit.ALL, source.input_names, way)
    return open_session(path, setting, source, options.runtime)


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
    signature = signature_of(_given(next(iter(samples))[1], rows))
    remaining, seen = journal.remaining(rows, references, samples)
    for name, sample in remaining:
        progress("compare", seen.done, len(samples))
        check_sample(_given(sample, rows), signature, name)
        compare_one(rows, name, sample, references, samples)
        seen.add(name, sample)
        journal.keep(rows, references, seen)
    progress("compare", len(samples), len(samples))
    return seen


def compare_one(rows: Rows, name: str, sample: Sample, references: tuple[Session, Session], samples: SampleSet) -> None:
    """Run the source, in fp32 and in fp64, and every session on one sample, and compare."""
    narrow, wide = references
    expected = run_checked(narrow, sample)
    _add_noise(rows, name, sample, expected, wide)
    picture = cache(partial(thumbnail, samples, name))
    for run in rows.runs:
        _add(run, name, sample, expected, picture)
    for watch in tuple(rows.watches):
        _look(watch, sample, rows)


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
        return
    # Outputs that could not be compared on one sample would leave the noise of the others to stand for all.
    rows.noise_failure = next(iter((*rows.noise_comparer.unlike, *rows.noise_comparer.problems)), "")
    rows.roundings = max(rows.roundings, roundings_of(wide))


def _add(run: Run, name: str, sample: Sample, expected: Outputs, picture: Callable[[], str]) -> None:
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
    run.comparer.add(name, expected, outputs, picture)


def _look(watch: Watch, sample: Sample, rows: Rows) -> None:
    try:
        run_checked(watch.session, sample)
    except MlparityError:  # the runs of the rows say why
        watch.session.close()
        rows.watches.remove(watch)


def close_rows(rows: Rows) -> None:
    """Close every session."""
    for run in rows.runs:
        if run.session is not None:
            run.session.close()
    for watch in rows.watches:
        watch.session.close()
