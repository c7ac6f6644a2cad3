"""`tune --compress`: the smallest package that passes a policy, each weight stored in as few bits as it bears."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from mlparity.compare.user_metric import load_metric
from mlparity.core.errors import ConversionError, InputError
from mlparity.core.progress import Progress, silent
from mlparity.core.session import Sample
from mlparity.core.words import Verdict
from mlparity.core.writing import write_whole
from mlparity.diagnose.bits import Move, Option, after, first_choice, moves
from mlparity.record.compression_tuning import CompressionTuning, SizedFigures, StoredLayer
from mlparity.record.policy import Policy
from mlparity.record.rows import SettingResult
from mlparity.record.tuning_file import write_compression_tuning
from mlparity.report.compression_tuning import compression_page
from mlparity.samples.memory import MemorySamples
from mlparity.sessions.cached import CachedSession
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
from mlparity.verification.job import Job, References, open_references
from mlparity.verification.options import VerifyOptions
from mlparity.verification.policies import policy_of
from mlparity.verification.sources import Inputs, open_source
from mlparity.verification.staging import real_path_of, staged_folder
from mlparity.verification.trial import rows_of
from mlparity.verification.tuning import fp16_only, refuse_states
from mlparity.verification.weight_damage import Damages, options_of

UNIFORM = ("palettize8", "int8", "palettize6", "palettize4", "int4", "int4-block32", "palettize3", "palettize2")
"""The compressions that are tried on all weights alike."""

_MIXED = (
    *UNIFORM,
    "palettize6-group16",
    "palettize4-group16",
    "palettize3-group16",
    "palettize2-group16",
    "palettize1",
)
"""The compressions among which each weight has its own."""

_SENSED = 8
"""On how many samples the sensitivity is taken (assumed)."""
_STEPS_BACK, _BACK = 6, 0.93
"""How often, and to what part of its moves, the search steps back where the other half fails (assumed)."""

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
    folder = real_path_of(out)  # now: the user's code may change the current folder
    chosen = fp16_only(options)
    limits = policy_of(policy)
    metrics = tuple(load_metric(metric) for metric in limits.metrics)
    flat, samples = open_source(source, inputs, chosen, progress)
    refuse_states(flat)
    held = tuple(sample for _, sample in samples)
    if len(held) < _FEWEST:
        raise InputError(
            "the search needs samples for both halves",
            found=f"{len(held)} sample",
            expected=f"at least {_FEWEST}: it searches on one half and verifies on the other",
            next_step="give more samples",
        )
    with staged_folder(folder) as stage, open_references(flat, chosen) as found:
        job = Job(flat, MemorySamples(held, samples.warning), limits, chosen, metrics, stage)
        cached = References(CachedSession(found.narrow), CachedSession(found.wide))
        with tempfile.TemporaryDirectory(prefix="tried_", dir=stage) as work:
            search = _Search(job, cached, progress, Path(work), held[::2], held[1::2])
            return search.run()


_FEWEST = 2


@dataclass(slots=True, eq=False)
class _Search:
    """Compresses and runs packages; `searched` and `verified` are the halves of the samples."""

    job: Job
    references: References
    progress: Progress
    work: Path
    searched: Sequence[Sample]
    verified: Sequence[Sample]
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
        damages, uniform = self._uniform(tuple(shapes))
        layers = {name: _options(name, shape, damages) for name, shape in shapes.items()}
        mixed: list[SizedFigures] = []
        if plain.searched is Verdict.PASS:
            mixed = self._mixed(first_choice(layers), moves(layers))
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

    def _uniform(self, names: Sequence[str]) -> tuple[dict[str, dict[str, float]], list[SizedFigures]]:
        """Return the damage of each compression to each weight, and the packages with all weights alike."""
        known = Damages(self.base, self.job.source, self.searched[:_SENSED], names)
        damages, tried = {}, list[SizedFigures]()
        for name in _MIXED:
            path = self.work / f"uniform_{name}{self.base.suffix}"
            self._tell()
            try:
                base_target(Compression(name), self.job.options.deployment_target)
                compress(CompressionRequest(self.base, path, Compression(name)))
            except ConversionError:
                continue  # for an older deployment target, or where no weight can be stored so
            damages[name] = known.of(path)
            if name in UNIFORM:
                tried.append(self._tried(name, path))
            else:
                shutil.rmtree(path)
        return damages, tried

    def _mixed(self, first: Mapping[str, str], made: Sequence[Move]) -> list[SizedFigures]:
        """Return the packages of the search: the most moves that hold, by halving, then fewer until both pass."""
        tried: dict[int, SizedFigures] = {}

        def at(count: int) -> SizedFigures:
            if count not in tried:
                name = f"mixed-{count}"
                self.choices[name] = after(first, made[:count])
                path = self.work / f"{name}{self.base.suffix}"
                compress_layers(self.base, path, self.choices[name])
                tried[count] = self._tried(name, path)
            return tried[count]

        good, bad = 0, len(made) + 1
        while bad - good > max(1, len(made) // 128):
            middle = (good + bad) // 2
            good, bad = (middle, bad) if at(middle).searched is Verdict.PASS else (good, middle)
        for _ in range(_STEPS_BACK):
            if not good:
                break
            if at(good).searched is Verdict.PASS:
                tried[good] = self._verified(tried[good])
                if tried[good].passes:
                    break
            good = int(good * _BACK)
        return sorted(tried.values(), key=lambda each: each.size_bytes)

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

    def _rows(self, path: Path, samples: Sequence[Sample]) -> tuple[SettingResult, ...]:
        self._tell()
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            options = replace(self.job.options, artifacts=(path,))
            stage = Path(folder)
            job = replace(self.job, samples=MemorySamples(tuple(samples)), options=options, stage=stage)
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
            len(self.searched),
            len(self.verified),
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
