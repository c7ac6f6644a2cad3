"""The artifacts of a verification: converted here, or given."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from mlparity.core.errors import BackendUnavailableError, ConversionError, MlparityError
from mlparity.core.progress import Progress
from mlparity.core.regular_files import check_members, check_regular
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.words import Precision, Setting
from mlparity.record.record import GIVEN, Artifact
from mlparity.targets.artifacts import Kind, artifact_sha256, kind_of
from mlparity.targets.table import settings_of, target_named
from mlparity.targets.target import Conversion, Request
from mlparity.verification.conversion_failures import no_artifact
from mlparity.verification.not_applicable import not_applicable
from mlparity.verification.options import VerifyOptions


@dataclass(frozen=True, slots=True)
class Made:
    """The artifacts, and for each kind that could not be made, why."""

    artifacts: tuple[Artifact, ...]
    failures: dict[Kind, str] = field(default_factory=dict)

    def find(self, kind: Kind) -> Artifact | None:
        """Return the artifact of a kind, None where it could not be made."""
        return next((artifact for artifact in self.artifacts if (artifact.target, artifact.precision) == kind), None)


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


def _kind(setting: Setting) -> Kind:
    return setting.target, setting.precision


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
    """
    artifacts = dict(_taken(path, stage) for path in options.artifacts)
    missing = _missing(options, artifacts)
    known, errors = dict(routes), dict[Kind, MlparityError]()
    for number, kind in enumerate(missing):
        progress("convert", number, len(missing))
        request = Request(
            source,
            samples,
            kind[1],
            stage / _name(source, kind),
            options.deployment_target,
            options.fp32_ops,
            known.get(kind[0], ""),
        )
        try:
            done = target_named(kind[0]).convert(request)
            artifacts[kind] = _artifact(request.path, stage, kind, done)
            known[kind[0]] = done.frontend
        except (ConversionError, BackendUnavailableError) as error:
            errors[kind] = error
    if missing:
        progress("convert", len(missing), len(missing))
    if errors and not artifacts:
        raise no_artifact(source, errors)
    return Made(tuple(artifacts.values()), {kind: str(error) for kind, error in errors.items()})


def _missing(options: VerifyOptions, given: Collection[Kind]) -> list[Kind]:
    """Return what has to be converted; a target of which an artifact is given is not converted to.

    The conversions that our engine checks come last in fp16: they may take longest.
    """
    unneeded, taken = not_applicable(options), {target for target, _ in given}
    wanted = dict.fromkeys(
        (setting.target, setting.precision) for setting in options.settings if setting not in unneeded
    )
    kinds = [kind for kind in wanted if kind not in given and kind[0] not in taken]
    return sorted(kinds, key=lambda kind: kind[1] is Precision.FP16 and target_named(kind[0]).engine is not None)


def _taken(path: Path, stage: Path) -> tuple[Kind, Artifact]:
    kind = kind_of(path)
    copy = stage / path.name
    if path.is_dir():
        check_members(path)
        shutil.copytree(path, copy)
    else:
        shutil.copyfile(check_regular(path), copy)
    return kind, _artifact(copy, stage, kind, Conversion(GIVEN, (), {}, 0.0))


def _name(source: Source, kind: Kind) -> str:
    target = target_named(kind[0])
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in source.name)
    return f"{stem[:80] if stem else 'model'}_{kind[1]}{target.suffix_of.get(kind[1], target.suffixes[0])}"


def _artifact(path: Path, stage: Path, kind: Kind, how: Conversion) -> Artifact:
    files = [path] if path.is_file() else check_members(path)
    return Artifact(
        path=str(path.relative_to(stage)),
        target=kind[0],
        precision=kind[1],
        size_bytes=sum(file.stat().st_size for file in files),
        sha256=artifact_sha256(path),
        frontend=how.frontend,
        attempts=how.attempts,
        options=dict(how.options),
        seconds=how.seconds,
    )
