"""`tune`: the smallest set of ops to keep in fp32 so that a policy holds, each candidate converted and checked."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from mlparity.core.errors import ConversionError
from mlparity.core.progress import Progress, silent
from mlparity.core.words import Precision, Setting, Verdict
from mlparity.core.writing import write_whole
from mlparity.diagnose.tune import minimised, shortest_prefix
from mlparity.engine.mil.precision import program_precision
from mlparity.engine.mil.program import Op
from mlparity.engine.reading import read_program
from mlparity.record.policy import Policy
from mlparity.record.record import Artifact
from mlparity.record.rows import SettingResult
from mlparity.record.tuning import KeptOp, Tried, Tuning
from mlparity.record.tuning_file import write_tuning
from mlparity.targets.artifacts import artifact_sha256
from mlparity.targets.coreml.mixed_precision import converter_name, float_ops, selector_code
from mlparity.verification.artifacts import make_artifacts
from mlparity.verification.explain_package import suspects_of
from mlparity.verification.job import Job, References
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs
from mlparity.verification.trial import rows_of
from mlparity.verification.tuning_job import Asked, cached, in_memory, tuning_job

_CURES = 8
"""How often an overflow is looked for again after the last one was cured (assumed)."""

_PACKAGES_KEPT = 3
_CANDIDATE = "candidate_"

Names = frozenset[str]


def run_tuning(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs,
    policy: str | Policy,
    options: VerifyOptions,
    progress: Progress,
) -> Tuning:
    """Keep as few ops as possible in fp32, as `mlparity.tune` says.

    Raises:
        MlparityError: bad input, no set of ops that helps, or no space to write.
    """
    with tuning_job(Asked(source, out, inputs, policy, options), progress) as (job, references):
        bench = Bench(job, references, progress)
        return _written(bench, _search(bench))


def selector_for(job: Job, references: References, setting: Setting, progress: Progress) -> str:
    """Return code that keeps the fewest ops of a conversion in fp32, "" where none or all have to be.

    Raises:
        MlparityError: the source cannot be converted or run.
    """
    with tempfile.TemporaryDirectory(prefix="tuning_", dir=job.stage) as folder:
        options = replace(job.options, settings=(setting,), artifacts=(), cache=False)
        own = replace(job, samples=in_memory(job.samples), options=options, stage=Path(folder))
        bench = Bench(own, cached(own, references), progress)
        try:
            names = _search(bench)
        except ConversionError:
            return ""
        program = read_program(bench.package(names))
        return selector_code(program, names) if names and program_precision(program) is Precision.FP16 else ""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A converted package with its ops by name, and what came out in each setting."""

    artifact: Artifact
    path: Path
    rows: tuple[SettingResult, ...]

    @property
    def holds(self) -> bool:
        """Whether the policy holds in every setting that was compared, and one was."""
        return bool(self.rows) and all(row.verdict is Verdict.PASS for row in self.rows)


@dataclass(slots=True)
class Bench:
    """Converts and checks sets of ops, each once."""

    job: Job
    references: References
    progress: Progress
    done: dict[Names, Candidate] = field(default_factory=dict)

    def holds(self, names: Collection[str]) -> bool:
        """Tell whether the policy holds with these ops in fp32."""
        return self.candidate(names).holds

    def candidate(self, names: Collection[str]) -> Candidate:
        """Return the package with these ops in fp32."""
        key = frozenset(names)
        if key not in self.done:
            self.progress("tune", len(self.done), 0)
            self.done[key] = self._made(key)
            self._tidy()
        return self.done[key]

    def package(self, names: Collection[str]) -> Path:
        """Return the path of a package, which is made again where it was tidied away."""
        found = self.candidate(names)
        if not found.path.exists():
            del self.done[frozenset(names)]
        return self.candidate(names).path

    def _tidy(self) -> None:
        """Delete all but the newest packages, and the first, which every other is compared with."""
        for candidate in [*self.done.values()][1:-_PACKAGES_KEPT]:
            shutil.rmtree(candidate.path.parent, ignore_errors=True)

    def _made(self, names: Names) -> Candidate:
        folder = Path(tempfile.mkdtemp(prefix=_CANDIDATE, dir=self.job.stage))
        options = replace(self.job.options, fp32_ops=(*self.job.options.fp32_ops, *sorted(names)))
        job = replace(self.job, options=options, stage=folder)
        known = [candidate.artifact for candidate in self.done.values()][:1]
        routes = {artifact.target: artifact.frontend for artifact in known}
        made = make_artifacts(job.source, job.alike(), options, folder, silent, routes)
        results = rows_of(job, made, self.references)
        return Candidate(made.artifacts[0], folder / made.artifacts[0].path, results)


def _search(bench: Bench) -> Names:
    if bench.holds(()):
        return frozenset()
    cured = _without_overflow(bench)
    if not bench.holds(cured):
        cured = _grown(bench, cured)
    return frozenset(minimised(sorted(cured), bench.holds))


def _without_overflow(bench: Bench) -> Names:
    """Return the ops that have to be in fp32 so that nothing overflows: cured first, since nothing else helps."""
    names: Names = frozenset()
    for _ in range(_CURES):
        found = _suspects(bench, names)
        chain = {converter_name(op) for op, overflows in found if overflows} - names
        if not chain:
            break
        names |= chain
        if bench.holds(names):
            break
    return names


def _grown(bench: Bench, cured: Names) -> Names:
    """Add ops in the order of what they carry, and those that carry nothing last."""
    ranked = [converter_name(op) for op, _ in _suspects(bench, cured)]
    others = [converter_name(op) for op in float_ops(read_program(bench.package(cured)), Precision.FP16)]
    order = [name for name in dict.fromkeys((*ranked, *others)) if name not in cured]
    prefix = shortest_prefix(order, lambda names: bench.holds({*cured, *names}))
    if prefix is None:
        raise ConversionError(
            "the policy does not hold even with every op in fp32",
            where=bench.job.source.name,
            found="; ".join(reason for row in bench.candidate({*cured, *order}).rows for reason in row.reasons[:1]),
            next_step="`mlparity verify` tells the cause: it is not the precision of ops",
        )
    return cured | frozenset(prefix)


def _suspects(bench: Bench, names: Names) -> list[tuple[Op, bool]]:
    """Return the ops of a candidate by what they carry, and whether each overflows, on the sample that differs most."""
    package, candidate = bench.package(names), bench.candidate(names)
    row = next((failing for failing in candidate.rows if failing.verdict is not Verdict.PASS), candidate.rows[0])
    worst = {sample.sample for output in row.outputs for sample in output.worst[:1]}
    samples = [sample for name, sample in bench.job.alone() if name in worst]
    return suspects_of(package, bench.job.source, samples if samples else [bench.job.first()], row.setting)


def _written(bench: Bench, names: Names) -> Tuning:
    package = bench.package(names)
    tuning = _tuning(bench, names, bench.candidate(()), bench.candidate(names))
    package.rename(bench.job.stage / tuning.package)
    for folder in bench.job.stage.glob(f"{_CANDIDATE}*"):
        shutil.rmtree(folder)
    write_whole(bench.job.stage / "op_selector.py", tuning.selector.encode())
    write_tuning(tuning, bench.job.stage / "tuning.json")
    return tuning


def _tuning(bench: Bench, names: Names, before: Candidate, after: Candidate) -> Tuning:
    left, made = read_program(before.path), read_program(after.path)
    by_converter = {converter_name(op) for op in float_ops(left, Precision.FP32)}
    kept = tuple(
        KeptOp(
            converter_name(op), op.type, *(_BY_TUNE if converter_name(op) in names - by_converter else _BY_CONVERTER)
        )
        for op in float_ops(made, Precision.FP32)
    )
    return Tuning(
        package=f"{before.path.stem.removesuffix('_fp16')}_tuned.mlpackage",
        policy=bench.job.policy.name,
        settings=tuple(str(row.setting) for row in after.rows),
        kept=kept,
        selector=selector_code(made, names),
        before=_tried(before),
        after=_tried(after),
        conversions=len(bench.done),
        sha256=artifact_sha256(after.path),
    )


_BY_TUNE = ("tune", "without it the policy does not hold")
_BY_CONVERTER = (
    "converter",
    "coremltools leaves it in fp32: fp16 cannot hold a constant of it, or it has no fp16 form",
)


def _tried(candidate: Candidate) -> Tried:
    program = read_program(candidate.path)
    row = next((failing for failing in candidate.rows if failing.verdict is not Verdict.PASS), candidate.rows[0])
    counts = [sum(1 for _ in float_ops(program, precision)) for precision in (Precision.FP16, Precision.FP32)]
    return Tried(row.verdict, row.outputs, candidate.artifact.size_bytes, *counts)
