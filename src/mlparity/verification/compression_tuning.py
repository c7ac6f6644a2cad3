"""`tune --compress`: the smallest package that passes a policy, each weight stored in as few bits as it bears."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from mlparity.core.errors import ConversionError
from mlparity.core.progress import Progress, silent
from mlparity.core.session import Sample
from mlparity.core.words import Precision, Provenance, Verdict
from mlparity.core.writing import write_whole
from mlparity.diagnose.bits import Move, Option, after, first_choice, moves
from mlparity.diagnose.tune import last_that_holds
from mlparity.record.compression_tuning import CompressionTuning, SizedFigures, StoredLayer
from mlparity.record.policy import Policy
from mlparity.record.record import Artifact
from mlparity.record.rows import SettingResult
from mlparity.record.tuning_file import write_compression_tuning
from mlparity.report.compression_tuning import compression_page
from mlparity.targets.artifacts import artifact_sha256
from mlparity.targets.compressor import Compression, CompressionRequest
from mlparity.targets.coreml.compression import base_target, compress
from mlparity.targets.coreml.mixed_compression import (
    AS_IT_IS,
    can_store,
    compress_layers,
    compression_code,
    stored_bytes,
    weights_of,
)
from mlparity.verification.artifacts import make_artifacts
from mlparity.verification.job import Job, References
from mlparity.verification.opening import carrying
from mlparity.verification.options import VerifyOptions
from mlparity.verification.plan import Plan
from mlparity.verification.runs import Run, Runs, SourceNoise
from mlparity.verification.sources import Inputs
from mlparity.verification.trial import rows_of, rows_of_runs
from mlparity.verification.tuning_job import Asked, count_of, halves_of, tuning_job
from mlparity.verification.weight_damage import Damages, Draft, options_of

UNIFORM = ("palettize8", "int8", "palettize6", "palettize4", "int4", "int4-block32", "palettize3", "palettize2")
"""The compressions that are tried on all weights alike."""

_MIXED = (*UNIFORM, *(f"palettize{bits}-group16" for bits in (6, 4, 3, 2)), "palettize1")
"""The compressions among which each weight has its own."""

_SENSED = 8
"""On how many samples the sensitivity is taken (assumed)."""
_PARTS = 128
"""To what part of its moves the search is exact (assumed)."""

SCRIPT, FILE, PAGE = "compress.py", "compression.json", "compression.html"


def run_compression_tuning(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs,
    policy: str | Policy,
    options: VerifyOptions,
    progress: Progress,
) -> CompressionTuning:
    """Search as `mlparity.tune_compression` says.

    Raises:
        MlparityError: bad input, a source that cannot be converted, or no space to write.
    """
    with tuning_job(Asked(source, out, inputs, policy, options), progress) as (job, references):
        searched, verified = halves_of(job)
        with tempfile.TemporaryDirectory(prefix="tried_", dir=job.stage) as work:
            return _Search(job, references, progress, Path(work), searched, verified).run()


@dataclass(slots=True, eq=False)
class _Search:
    """Compresses and runs packages; `searched` and `verified` have the halves of the samples."""

    job: Job
    references: References
    progress: Progress
    work: Path
    searched: Job
    verified: Job
    base: Path = field(default_factory=Path)
    packages: dict[str, Path] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)
    done: int = 0
    settings: tuple[str, ...] = ()

    def run(self) -> CompressionTuning:
        """Return what was found, with the files of it written."""
        self.base = self._converted()
        shapes = weights_of(self.base)
        if not shapes:
            raise ConversionError(
                "there is no weight to compress",
                where=self.job.source.name,
                found="no matrix of more than 2,048 elements",
                next_step="ship the model as it is",
            )
        plain = self._tried("fp16", self.base)
        mixed: list[SizedFigures] = []
        with Damages(self.base, self.job.source, tuple(shapes), self._folder("numbers")) as damages:
            damages.sense(self._spread(_SENSED))
            known, uniform = self._uniform(damages)
            layers = {name: _options(name, shape, known) for name, shape in shapes.items()}
            if plain.searched is Verdict.PASS:
                mixed = self._mixed(first_choice(layers), moves(layers), damages)
        uniform = self._with_other_half(uniform)
        best = min(
            (each for each in (*mixed, *uniform) if each.passes and each.size_bytes < plain.size_bytes),
            key=lambda each: each.size_bytes,
            default=None,
        )
        return self._written(plain, tuple(uniform), tuple(mixed), best, layers)

    def _converted(self) -> Path:
        asked = self.job.options.deployment_target
        options = replace(self.job.options, deployment_target=_target(asked))
        made = make_artifacts(self.job.source, self.job.alike(), options, self.work, self.progress)
        return self.work / made.artifacts[0].path

    def _folder(self, name: str) -> Path:
        (self.work / name).mkdir()
        return self.work / name

    def _spread(self, count: int) -> list[Sample]:
        """Return so many samples, with the state before each, from all over the half that is searched on."""
        samples = [sample for _, sample in self.searched.alone()]
        return samples[:: math.ceil(len(samples) / count)]

    def _uniform(self, known: Damages) -> tuple[dict[str, dict[str, float]], list[SizedFigures]]:
        """Return the damage of each compression to each weight, and the packages with all weights alike."""
        damages, tried = {}, list[SizedFigures]()
        for name in _MIXED:
            path = self.work / f"uniform_{name}{self.base.suffix}"
            self._tell()
            try:
                base_target(Compression(name), self.job.options.deployment_target)
                compress(CompressionRequest(self.base, path, Compression(name)))
            except ConversionError:
                continue  # for an older deployment target, or where no weight can be stored so
            damages[name] = known.of(name, path)
            if name in UNIFORM:
                tried.append(self._tried(name, path))
            else:
                shutil.rmtree(path)
        return damages, tried

    def _mixed(self, first: Mapping[str, str], made: Sequence[Move], damages: Damages) -> list[SizedFigures]:
        """Return the packages of the search: the most moves that drafts bear, then those around that both halves do."""
        tried: dict[int, SizedFigures] = {}

        def at(count: int) -> SizedFigures:
            if count not in tried:
                name = f"mixed-{count}"
                self.choices[name] = after(first, made[:count])
                path = self.work / f"{name}{self.base.suffix}"
                compress_layers(self.base, path, self.choices[name])
                tried[count] = self._tried(name, path)
            return tried[count]

        def passes(count: int) -> bool:
            if at(count).searched is Verdict.PASS and tried[count].verified is None:
                tried[count] = self._verified(tried[count])
            return tried[count].passes

        def bears(count: int) -> bool:
            return self._drafted(damages.draft(after(first, made[:count]))) is Verdict.PASS

        step = max(1, len(made) // _PARTS)
        near = last_that_holds(bears, len(made))
        count = last_that_holds(lambda count: at(count).searched is Verdict.PASS, len(made), step, near)
        if count:
            last_that_holds(passes, count, step, count)
        return sorted(tried.values(), key=lambda each: each.size_bytes)

    def _drafted(self, draft: Draft) -> Verdict:
        self._tell()
        job = self.searched
        settings = job.options.settings
        run = Run(settings, _DRAFT, carrying(draft, job), Provenance.COMPUTED, job.comparer())
        runs = Runs(Plan(settings, ()), (run,), (), SourceNoise(self.references.wide))
        return _verdict(rows_of_runs(job, runs, self.references))

    def _with_other_half(self, uniform: Iterable[SizedFigures]) -> list[SizedFigures]:
        """Run those that pass on the other half too, the smallest first, until one passes there."""
        found, is_found = [], False
        for each in sorted(uniform, key=lambda each: each.size_bytes):
            is_next = each.searched is Verdict.PASS and not is_found
            found.append(self._verified(each) if is_next else each)
            is_found = is_found or found[-1].passes
        return found

    def _tried(self, name: str, path: Path) -> SizedFigures:
        self.packages[name] = path
        rows = self._rows(path, self.searched)
        self.settings = tuple(str(row.setting) for row in rows)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return SizedFigures(name, size, _verdict(rows), self._figures(rows))

    def _verified(self, tried: SizedFigures) -> SizedFigures:
        rows = self._rows(self.packages[tried.name], self.verified)
        return replace(tried, verified=_verdict(rows), verified_figures=self._figures(rows))

    def _rows(self, path: Path, half: Job) -> tuple[SettingResult, ...]:
        self._tell()
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            options = replace(half.options, artifacts=(path,), deployment_target=None)
            stage = Path(folder)
            job = replace(half, options=options, stage=stage)
            return rows_of(job, make_artifacts(job.source, (), options, stage, silent), self.references)

    def _tell(self) -> None:
        self.progress("tune", self.done, 0)
        self.done += 1

    def _figures(self, rows: Sequence[SettingResult]) -> dict[str, float]:
        """Return the worst of each figure that the policy limits."""
        found: dict[str, float] = {}
        for limit in self.job.policy.limits:
            values = [
                value
                for row in rows
                for output in row.outputs
                if limit.output in ("", output.output) and (value := output.figures.get(limit.metric)) is not None
            ]
            if values:
                found[limit.metric] = max(values) if limit.at_most is not None else min(values)
        return found

    def _written(
        self,
        plain: SizedFigures,
        uniform: tuple[SizedFigures, ...],
        mixed: tuple[SizedFigures, ...],
        best: SizedFigures | None,
        layers: Mapping[str, Sequence[Option]],
    ) -> CompressionTuning:
        stage = self.job.stage
        stem = self.base.stem.removesuffix("_fp16")
        choice = {} if best is None else self.choices.get(best.name, dict.fromkeys(layers, best.name))
        package = "" if best is None else f"{stem}_small{self.base.suffix}"
        if best is not None:
            self.packages[best.name].rename(stage / package)
        base = self.base.rename(stage / self.base.name)
        code = compression_code(choice, base.name, SCRIPT) if choice else ""
        found = CompressionTuning(
            package,
            base.name,
            self.job.policy.name,
            self.settings,
            count_of(self.searched),
            count_of(self.verified),
            plain,
            uniform,
            mixed,
            best,
            tuple(_stored(name, choice.get(name, AS_IT_IS), options) for name, options in layers.items()),
            code,
            "" if best is None else artifact_sha256(stage / package),
            artifact_sha256(base),
        )
        if code:
            write_whole(stage / SCRIPT, code.encode())
        write_compression_tuning(found, stage / FILE)
        write_whole(stage / PAGE, compression_page(found).encode())
        return found


_DRAFT = Artifact("", "", Precision.FP16, 0, "", "")


def _target(asked: str | None) -> str:
    """Return the deployment target for which most compressions can be stored, unless one was asked for."""
    newest = base_target(Compression("int4"), None)
    assert newest is not None  # noqa: S101 - it is stored for none of the oldest
    return newest if asked is None else asked


def _options(weight: str, shape: tuple[int, ...], damages: Mapping[str, Mapping[str, float]]) -> list[Option]:
    known = options_of(damages, weight)
    small = (
        Option(name, stored_bytes(name, shape), damage) for name, damage in known.items() if can_store(name, shape)
    )
    return [Option(AS_IT_IS, stored_bytes(AS_IT_IS, shape), 0.0), *small]


def _stored(name: str, compression: str, options: Sequence[Option]) -> StoredLayer:
    own = next((each for each in options if each.name == compression), Option(compression, 0.0, 0.0))
    elements = int(next(each.size for each in options if each.name == AS_IT_IS)) // 2
    return StoredLayer(name, elements, compression, int(own.size), own.damage)


def _verdict(rows: Sequence[SettingResult]) -> Verdict:
    """Return `pass` where every setting passes, `fail` where one fails."""
    verdicts = {row.verdict for row in rows}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.UNKNOWN
