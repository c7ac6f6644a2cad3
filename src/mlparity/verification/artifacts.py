"""The artifacts of a verification: converted here, or given."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from mlparity.core.errors import BackendUnavailableError, ConversionError, InputError, MlparityError
from mlparity.core.linking import link
from mlparity.core.progress import Progress
from mlparity.core.regular_files import check_members, check_regular
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.words import Precision, Setting
from mlparity.record.record import GIVEN, Artifact
from mlparity.targets.artifacts import artifact_sha256, kind_of
from mlparity.targets.compressor import Compression, CompressionRequest, Compressor
from mlparity.targets.one_model import OTHERS, check_is_whole, one_model
from mlparity.targets.table import settings_of, target_named
from mlparity.targets.target import Conversion, Request
from mlparity.verification.compressing import asked_for, compression_of
from mlparity.verification.conversion_cache import ConversionCache, open_cache
from mlparity.verification.conversion_failures import no_artifact
from mlparity.verification.not_applicable import not_applicable
from mlparity.verification.options import VerifyOptions
from mlparity.verification.side_by_side import side_by_side
from mlparity.verification.stored import Stored, stored_as


@dataclass(frozen=True, slots=True)
class Made:
    """The artifacts, and for each that could not be made, why."""

    artifacts: tuple[Artifact, ...]
    failures: dict[Stored, str] = field(default_factory=dict)

    def find(self, setting: Setting) -> Artifact | None:
        """Return the artifact that a setting runs, None where it could not be made."""
        wanted = stored_as(setting)
        return next((each for each in self.artifacts if _stored(each) == wanted), None)


def _stored(artifact: Artifact) -> Stored:
    return Stored(artifact.target, artifact.precision, artifact.compression, artifact.deployment)


@contextmanager
def with_lone_models(options: VerifyOptions) -> Iterator[VerifyOptions]:
    """Yield the options with the one model of each given file that is verified; those taken out are there meanwhile.

    Raises:
        FormatError: a given file cannot be read, or has no such function.
        InputError: a function is named, and no file is given.
    """
    if options.function and not options.artifacts:
        raise InputError(
            "a function is one of a given file, and none is given",
            found=f"--function {options.function}",
            next_step="give the file too: --artifact PATH, or leave out --function",
        )
    with ExitStack() as stack:
        models = tuple(stack.enter_context(one_model(path, options.function)) for path in options.artifacts)
        for model in models:
            check_is_whole(model)
        origins = {model.path: model.origin for model in models}
        yield replace(options, artifacts=tuple(origins), taken=origins)


def left_notes(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """Return what given files hold beside the models that are verified."""
    return tuple(
        f"{artifact.path} was verified; other functions of its file were not: {artifact.options[OTHERS]}"
        for artifact in artifacts
        if OTHERS in artifact.options
    )


def following_artifacts(options: VerifyOptions) -> VerifyOptions:
    """Return the options with the settings of given artifacts that have none among the default ones.

    They take the place of their target's: a neural network that is given has no fp32 and no fp16 rows.

    Raises:
        FormatError: a given artifact cannot be read.
    """
    if not options.artifacts or not options.is_default:
        return options
    given = {kind_of(path) for path in options.artifacts}
    usual = {(setting.target, setting.precision) for setting in options.settings}
    other = {target for target, precision in given if (target, precision) not in usual}
    if not other:
        return options
    own = [setting for kind in sorted(given) if kind[0] in other for setting in settings_of(*kind)]
    settings = (*own, *(setting for setting in options.settings if setting.target not in other))
    return replace(options, settings=settings, follows_artifacts=True)


def make_artifacts(
    source: Source,
    samples: Sequence[Sample],
    options: VerifyOptions,
    stage: Path,
    progress: Progress,
    routes: Mapping[str, str] = MappingProxyType({}),
) -> Made:
    """Take the given artifacts and convert what the settings need beside them, all into `stage`.

    The first of `samples` gives the types and shapes; a target may check its conversion on all of them, unless
    `routes` names the one that an earlier conversion to it took.

    Raises:
        ConversionError: not one artifact could be made.
        FormatError: a given artifact cannot be read.
        InputError: a deployment target is asked for beside given files, and nothing is converted for it.
    """
    artifacts = _given(options, stage)
    given, wanted = tuple(artifacts), _wanted(options, artifacts)
    _check_deployment(options, wanted)
    errors: dict[Stored, MlparityError] = {}
    with tempfile.TemporaryDirectory(prefix="bases_", dir=stage) as folder:
        maker = Maker(source, samples, options, stage, Path(folder), dict(routes), dict(artifacts))
        maker.cache = open_cache(source, samples[0]) if options.cache and wanted and samples else None
        with side_by_side(maker, wanted) as makers:
            for number, stored in enumerate(makers.in_order(wanted)):
                progress("convert", number, len(wanted))
                try:
                    artifacts[stored] = makers.made(stored)
                except (ConversionError, BackendUnavailableError) as error:
                    errors[stored] = error
    if wanted:
        progress("convert", len(wanted), len(wanted))
    errors = {stored: errors[stored] for stored in wanted if stored in errors}
    if errors and not artifacts:
        raise no_artifact(source, errors)
    made = tuple(artifacts[stored] for stored in (*given, *wanted) if stored in artifacts)
    return Made(made, {stored: str(error) for stored, error in errors.items()})


def _check_deployment(options: VerifyOptions, wanted: Sequence[Stored]) -> None:
    """Refuse a deployment target where every file that could have one is given.

    Raises:
        InputError: as said.
    """
    if not options.deployment_target or not options.artifacts:
        return
    if all(target_named(stored.target).deployment_targets is None for stored in wanted):
        raise InputError(
            "a deployment target is for conversions that are made here, and a file is given",
            found=f"{options.deployment_target}, and {options.artifacts[0]}, which was made for one already",
            next_step="leave the deployment target out",
        )


def _given(options: VerifyOptions, stage: Path) -> dict[Stored, Artifact]:
    """Take the given artifacts into `stage`.

    Raises:
        InputError: two are of one kind, so that no setting could tell them apart.
    """
    found: dict[Stored, Artifact] = {}
    paths: dict[Stored, Path] = {}
    for path in options.artifacts:
        stored, artifact = _taken(path, stage, options.taken.get(path, {}))
        if stored in found:
            raise InputError(
                "two files of one kind are given, and a setting runs one",
                where=str(path),
                found=f"{stored}, as {paths[stored]} is",
                expected="one file for each target and precision",
                next_step="verify each by itself, or compare both: mlparity compare ONE OTHER",
            )
        found[stored], paths[stored] = artifact, path
    return found


@dataclass(slots=True, eq=False)
class Maker:
    """Converts and compresses into `stage`; what is compressed and not wanted itself is converted into `bases`.

    `routes` are those that earlier conversions to each target took, `known` what there is already, `cache` what earlier
    commands have converted.
    """

    source: Source
    samples: Sequence[Sample]
    options: VerifyOptions
    stage: Path
    bases: Path
    routes: dict[str, str]
    known: dict[Stored, Artifact]
    converted: dict[tuple[Stored, str | None], tuple[Path, Conversion]] = field(default_factory=dict)
    failed: dict[tuple[Stored, str | None], MlparityError] = field(default_factory=dict)
    cache: ConversionCache | None = None

    def made(self, stored: Stored) -> Artifact:
        """Return a new artifact.

        Raises:
            ConversionError: it cannot be converted, or not be compressed.
            BackendUnavailableError: the converter is not installed.
        """
        path = self.stage / _name(self.source, stored)
        asked = self._deployment(stored)
        done = self._compressed(stored, path) if stored.compression else self._converted(stored, path, asked)
        self.known[stored] = _artifact(path, self.stage, stored, done)
        return self.known[stored]

    def within(self, folder: Path) -> Maker:
        """Return a maker that puts what it makes into `folder`."""
        return replace(self, stage=folder)

    def taken_from(self, folder: Path, stored: Stored, artifact: Artifact) -> Artifact:
        """Put an artifact into `stage` that another process has made in `folder`, and may be compressing there."""
        link(folder / artifact.path, self.stage / artifact.path)
        self.known[stored] = artifact
        return artifact

    def is_kept(self, stored: Stored) -> bool:
        """Tell whether nothing has to be converted or compressed for an artifact."""
        if self.cache is None or stored.compression:
            return False
        request = self._request(stored, self.stage / _name(self.source, stored), self._deployment(stored))
        return self.cache.has(stored.target, request)

    def _deployment(self, stored: Stored) -> str | None:
        return stored.deployment or self.options.deployment_target

    def _converted(self, stored: Stored, path: Path, deployment_target: str | None) -> Conversion:
        """Convert once for a deployment target: what failed fails again."""
        key = stored, deployment_target
        if key in self.failed:
            raise self.failed[key]
        request = self._request(stored, path, deployment_target)
        convert = target_named(stored.target).convert
        try:
            done = convert(request) if self.cache is None else self.cache.converted(stored.target, request, convert)
        except MlparityError as error:
            self.failed[key] = error
            raise
        self.routes[stored.target] = done.frontend
        return done

    def _request(self, stored: Stored, path: Path, deployment_target: str | None) -> Request:
        route = self.routes.get(stored.target, "")
        asked = (deployment_target, self.options.fp32_ops, route, self.options.enumerates)
        return Request(self.source, self.samples, stored.precision, path, *asked)

    def _compressed(self, stored: Stored, path: Path) -> Conversion:
        compression = compression_of(stored.compression, self.options)
        compressor = target_named(stored.target).compressor
        if compressor is None or not compressor.knows(compression):
            raise ConversionError(f"{stored.target} has no compression {compression.name}")
        started = time.perf_counter()
        base, how = self._base(stored.base, compressor, compression)
        request = CompressionRequest(base, path, compression, self.samples, self.source.input_names)
        with asked_for(stored.compression, self.options):
            made = {**how.options, **compressor.compress(request)}
        return Conversion(how.frontend, how.attempts, made, time.perf_counter() - started)

    def _base(self, base: Stored, compressor: Compressor, compression: Compression) -> tuple[Path, Conversion]:
        """Return the artifact to compress and how it was made: one that there is, or a new one."""
        there = self.known.get(base)
        is_given = there is not None and there.frontend == GIVEN
        asked = self._deployment(base)
        with asked_for(compression.name, self.options):
            needed = asked if is_given else compressor.base_target(compression, asked)
        if there is not None and needed == asked:
            return self.stage / there.path, Conversion(there.frontend, there.attempts, there.options, 0.0)
        key = base, needed
        if key not in self.converted:
            path = Path(tempfile.mkdtemp(dir=self.bases)) / _name(self.source, base)
            self.converted[key] = path, self._converted(base, path, needed)
        return self.converted[key]


def _wanted(options: VerifyOptions, given: Collection[Stored]) -> list[Stored]:
    """Return what has to be made; a target of which an artifact is given is not converted to, only compressed.

    The conversions that our engine checks come last in fp16: they may take longest. What is compressed follows them.
    """
    unneeded, taken = not_applicable(options), {each.target for each in given}
    asked = dict.fromkeys(stored_as(setting) for setting in options.settings if setting not in unneeded)
    stored = [
        each
        for each in asked
        if each not in given and (each.target not in taken or (each.compression and each.base in given))
    ]
    return sorted(stored, key=lambda each: (bool(each.compression), _is_late(each)))


def _is_late(stored: Stored) -> bool:
    return stored.precision is Precision.FP16 and target_named(stored.target).engine is not None


def _taken(path: Path, stage: Path, origin: Mapping[str, str]) -> tuple[Stored, Artifact]:
    kind = Stored(*kind_of(path))
    copy = stage / path.name
    if path.is_dir():
        check_members(path)
        shutil.copytree(path, copy)
    else:
        shutil.copyfile(check_regular(path), copy)
    return kind, _artifact(copy, stage, kind, Conversion(GIVEN, (), origin, 0.0))


def _name(source: Source, kind: Stored) -> str:
    target = target_named(kind.target)
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in source.name)
    form = "_".join(filter(None, (kind.precision, kind.compression, kind.deployment)))
    suffix = target.suffix_of.get(kind.precision, target.suffixes[0])
    return f"{stem[:80] if stem else 'model'}_{form}{suffix}"


def _artifact(path: Path, stage: Path, kind: Stored, how: Conversion) -> Artifact:
    files = [path] if path.is_file() else check_members(path)
    return Artifact(
        path=str(path.relative_to(stage)),
        target=kind.target,
        precision=kind.precision,
        compression=kind.compression,
        deployment=kind.deployment,
        size_bytes=sum(file.stat().st_size for file in files),
        sha256=artifact_sha256(path),
        frontend=how.frontend,
        attempts=how.attempts,
        options=dict(how.options),
        seconds=how.seconds,
    )
