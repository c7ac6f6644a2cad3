"""The cure, tried: a failing artifact is converted again by plain calls, and what passes is kept."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mlparity.compare.recommend import recommend
from mlparity.compare.verdict import judge_all
from mlparity.core.errors import ConversionError, InputError, MlparityError
from mlparity.core.finiteness import mismatches
from mlparity.core.progress import Progress, silent
from mlparity.core.source import Source
from mlparity.core.words import Precision, Setting, Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.decisive import decisive
from mlparity.record.excess import excess_of_row
from mlparity.record.fix import Attempt, Fix
from mlparity.record.record import Record
from mlparity.record.rows import RowState, SettingResult
from mlparity.sessions.torch_changes import fast_layers
from mlparity.sources.code import SourceCode, check_loadable, code_of
from mlparity.targets.artifacts import artifact_sha256, inspected, kind_of
from mlparity.targets.recipe import INPUTS, InputCode, Recipe, RecipeRequest
from mlparity.targets.table import target_named
from mlparity.verification.artifacts import make_artifacts
from mlparity.verification.job import Job, References
from mlparity.verification.options import VerifyOptions
from mlparity.verification.trial import rows_of
from mlparity.verification.tuning import selector_for

_SECONDS = 900
"""How long one conversion may take (assumed: a large network takes some minutes)."""

BUDGET_S = 1800
"""How long cures are tried, those that are begun by then to their end (assumed: a score of small conversions)."""


def check_fixable(source: Source, options: VerifyOptions) -> None:
    """Check that a cure can be tried: a script can load the source, and each sample stands alone.

    Raises:
        InputError: as said.
    """
    check_loadable(source)
    if options.artifact_preprocess is not None:
        raise InputError(
            "a cure converts again, and no conversion changes how an app prepares pictures",
            found=f"--artifact-preprocess {options.artifact_preprocess}",
            next_step="leave out --fix or --artifact-preprocess",
        )
    found = "a state that is carried from sample to sample" if options.carry else ""
    if found or source.lengths:
        raise InputError(
            "a cure is tried on samples that stand alone and have one length",
            found=found if found else f"several lengths of {', '.join(source.lengths)}",
            next_step="leave out --fix, or give one length, and the state as an input",
        )


def find_fix(job: Job, record: Record, references: References, progress: Progress) -> Fix:
    """Return what restores the policy: a setting that passes already, else the first conversion that does.

    The package, its script and the sample that the script reads are left in the job's folder.

    Raises:
        MlparityError: the source fails, or a script cannot load it.
    """
    shipped = [row for row in decisive(record.settings) if not row.is_witness and row.state is RowState.COMPARED]
    rows = [row for row in shipped if not row.setting.compression]  # no other conversion gives bits back
    failing = [row for row in rows if row.verdict is not Verdict.PASS]
    if not failing:
        return Fix(record.recommendation.setting)
    worst = max(failing, key=lambda row: excess_of_row(row, {}) if row.outputs else float("inf"))
    before = _max_abs(worst)
    if record.verdict is Verdict.PASS:
        chosen = next((row for row in rows if row.setting == record.recommendation.setting), None)
        return Fix(record.recommendation.setting, before=before, after=None if chosen is None else _max_abs(chosen))
    return replace(_Search(job, references, progress, code_of(job.source, job.first())).run(worst), before=before)


def _max_abs(row: SettingResult) -> float | None:
    """Return the largest difference of a row: infinite where a NaN or an infinity has no equal, None without any."""
    found = [
        float("inf") if mismatches(output.figures) else value
        for output in row.outputs
        if (value := output.figures.get("max_abs")) is not None or mismatches(output.figures)
    ]
    return max((value for value in found if value is not None), default=None)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Runs recipes, one after the other, until one restores the policy."""

    job: Job
    references: References
    progress: Progress
    code: SourceCode
    ends: float = field(default_factory=lambda: time.monotonic() + BUDGET_S)

    def is_late(self) -> bool:
        """Tell whether the time for cures is over."""
        return time.monotonic() > self.ends

    def run(self, worst: SettingResult) -> Fix:
        attempts: list[Attempt] = []
        failed: set[str] = set()
        for recipe, how in self._recipes(worst):
            if recipe.change in failed:
                continue
            if self.is_late():
                late = f"not tried: the {BUDGET_S // 60} minutes for cures are over"
                attempts.append(Attempt(f"{recipe.change}{how}", recipe.precision, Verdict.UNKNOWN, failure=late))
                break
            self.progress("fix", len(attempts), 0)
            with tempfile.TemporaryDirectory(prefix="fix_", dir=self.job.stage) as folder:
                found, rows = self._tried(recipe, Path(folder), worst.setting.target)
                attempts.append(replace(found, change=f"{found.change}{how}"))
                if found.failure:
                    failed.add(recipe.change)
                if found.verdict is Verdict.PASS:
                    return self._kept(recipe, rows, Path(folder), tuple(attempts))
        return Fix(None, attempts=tuple(attempts))

    def _recipes(self, worst: SettingResult) -> Iterator[tuple[Recipe, str]]:
        """Yield conversions in the failing precision, then with few ops in fp32, then in fp32; and how each does it.

        A network, whose ops have no type to choose, is converted to an ML Program.
        """
        make = target_named(worst.setting.target).recipes
        if make is None:
            return
        request = self._request(worst)
        if worst.setting.precision is Precision.NEURAL_NETWORK:
            yield from ((recipe, _AS_PROGRAM) for recipe in make(replace(request, precision=Precision.FP32)))
            return
        kinds = {cause.kind for cause in worst.causes}
        is_fp16 = worst.setting.precision is Precision.FP16
        if not is_fp16 or kinds - _OF_ARITHMETIC or not kinds:
            yield from ((recipe, "") for recipe in make(request))
        if is_fp16:
            selector = self._selector(worst.setting)
            if selector:
                yield from ((recipe, _FEW) for recipe in make(replace(request, selector=selector)))
            yield from ((recipe, _ALL) for recipe in make(replace(request, precision=Precision.FP32)))

    def _request(self, worst: SettingResult) -> RecipeRequest:
        source, sample = self.job.source, self.job.first()
        expected = self.references.narrow.run(sample)
        inputs = tuple(InputCode(name, sample[name].shape, str(sample[name].dtype)) for name in source.input_names)
        outputs = tuple((name, bool(np.issubdtype(expected[name].dtype, np.floating))) for name in source.output_names)
        return RecipeRequest(
            source.name,
            self.code.imports,
            self.code.model,
            inputs,
            outputs,
            worst.setting.precision,
            self.job.options.deployment_target,
            images=self._images(worst),
            has_fast_path=bool(fast_layers(source)),
        )

    def _images(self, worst: SettingResult) -> frozenset[str]:
        """Return the source's names of the inputs that the artifact takes as images."""
        inputs = inspected(self.job.stage / worst.artifact).inputs
        pairs = zip(self.job.source.input_names, inputs, strict=False)
        return frozenset(name for name, spec in pairs if spec.dtype.endswith("image"))

    def _selector(self, setting: Setting) -> str:
        """Return code that keeps the fewest ops in fp32, "" where tuning does not help or does not apply."""
        if target_named(setting.target).engine is None or self.job.options.carry:
            return ""
        return selector_for(self.job, self.references, setting, self._in_time)

    def _in_time(self, stage: str, done: int, total: int) -> None:
        if self.is_late():
            raise ConversionError("the time for cures is over", where=self.job.source.name)
        self.progress(stage, done, total)

    def _tried(self, recipe: Recipe, folder: Path, target: str) -> tuple[Attempt, tuple[SettingResult, ...]]:
        failure = self._run(recipe, folder)
        if failure:
            return Attempt(recipe.change, recipe.precision, Verdict.UNKNOWN, failure=failure), ()
        try:
            rows = self._rows(folder / recipe.file, folder, target)
        except MlparityError as error:
            return Attempt(recipe.change, recipe.precision, Verdict.UNKNOWN, failure=error.what), ()
        return _attempt(recipe, rows, self.job), rows

    def _run(self, recipe: Recipe, folder: Path) -> str:
        """Run a script in a process of its own, where nothing of ours has changed the converter; return its failure."""
        np.savez(folder / INPUTS, **dict(self.job.first()))  # type: ignore[arg-type]
        script = folder / _SCRIPT
        script.write_text(recipe.script, encoding="utf-8")
        try:
            command = [sys.executable, "-W", "ignore", str(script)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            return f"no result within {_SECONDS} s"
        if done.returncode == 0 and (folder / recipe.file).exists():
            return ""
        return _said(done.stderr) or f"exit code {done.returncode}"

    def _rows(self, artifact: Path, folder: Path, target: str) -> tuple[SettingResult, ...]:
        own = kind_of(artifact)[1]
        asked = (each for each in self.job.options.settings if each.target == target and not each.compression)
        settings = tuple(dict.fromkeys(replace(setting, precision=own) for setting in asked))
        given = replace(self.job.options, settings=settings, artifacts=(artifact,))
        options = replace(given, compute_plan=None, device_outputs=(), deployment_target=None)
        stage = folder / "stage"
        stage.mkdir()
        job = replace(self.job, options=options, stage=stage)
        return rows_of(job, make_artifacts(job.source, (), options, stage, silent), self.references)

    def _kept(self, recipe: Recipe, rows: Sequence[SettingResult], folder: Path, attempts: tuple[Attempt, ...]) -> Fix:
        for name in (recipe.file, _SCRIPT, INPUTS):
            (folder / name).rename(self.job.stage / name)
        passing = [row for row in rows if row.verdict is Verdict.PASS]
        chosen = recommend(rows).setting
        best = next(row for row in passing if row.setting == chosen)
        package = self.job.stage / recipe.file
        return Fix(chosen, recipe.call, _SCRIPT, recipe.file, artifact_sha256(package), None, _max_abs(best), attempts)


_OF_ARITHMETIC = frozenset({CauseKind.PRECISION, CauseKind.COMPUTE_UNIT, CauseKind.OVERFLOW})
_FEW, _ALL, _AS_PROGRAM = ", with a few ops in fp32", ", in fp32", ", as an ML Program in fp32"
_SCRIPT = "fix.py"
_TEXT = 200


def _said(text: str) -> str:
    """Return the last line that names an exception, else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if _EXCEPTION.match(line)]
    return (named or lines or [""])[-1][:_TEXT]


_EXCEPTION = re.compile(r"[\w.]*(Error|Exception)\b")


def _attempt(recipe: Recipe, rows: Sequence[SettingResult], job: Job) -> Attempt:
    compared = [row for row in rows if row.state is RowState.COMPARED]
    shown = [row for row in compared if row.setting == recommend(rows).setting] or compared
    differences = [value for row in shown if (value := _max_abs(row)) is not None]
    notes = [row.note for row in rows if row.note and row.state is RowState.FAILED and not compared]
    return Attempt(
        recipe.change,
        recipe.precision,
        judge_all(job.policy, decisive(rows)).verdict,
        max(differences, default=None),
        notes[0].splitlines()[0] if notes else "",
    )
