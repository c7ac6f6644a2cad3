"""The artifacts of a verification: converted here, or given."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlparity.api.checked_conversion import convert_checked, put
from mlparity.api.conversion_failures import no_artifact
from mlparity.api.explained import explained
from mlparity.api.inspect import precision_of
from mlparity.api.options import VerifyOptions
from mlparity.core.errors import BackendUnavailableError, ConversionError, FormatError, MlparityError
from mlparity.core.names import checked_name
from mlparity.core.progress import Progress
from mlparity.core.record import Artifact
from mlparity.core.regular_files import check_members, check_regular
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.words import Precision, Target
from mlparity.record.package import artifact_sha256

Kind = tuple[Target, Precision]
Samples = Sequence[Sample]

SUFFIXES = {
    ".mlpackage": Target.COREML,
    ".tflite": Target.LITERT,
    ".onnx": Target.ONNX,
    ".aimodel": Target.COREAI,
}


@dataclass(frozen=True, slots=True)
class Made:
    """The artifacts, and for each kind that could not be made, why."""

    artifacts: tuple[Artifact, ...]
    failures: dict[Kind, str] = field(default_factory=dict)

    def find(self, kind: Kind) -> Artifact | None:
        """Return the artifact of a kind, None where it could not be made."""
        return next((each for each in self.artifacts if (each.target, each.precision) == kind), None)


@dataclass(frozen=True, slots=True)
class _Conversion:
    """What a converter tells of its work."""

    frontend: str
    attempts: tuple[str, ...]
    options: dict[str, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Request:
    """What is converted; `frontend` is the route that a package took that was checked: others take it unchecked."""

    source: Source
    samples: Samples
    options: VerifyOptions
    frontend: str = ""


def make_artifacts(
    source: Source,
    samples: Samples,
    options: VerifyOptions,
    stage: Path,
    progress: Progress,
    frontend: str = "",
) -> Made:
    """Take the given artifacts and convert what the settings need beside them, all into `stage`.

    The first of `samples` gives the types and shapes. A conversion to Core ML is checked on all of them, unless
    `frontend` names the route of one that was.

    Raises:
        ConversionError: not one artifact could be made.
        FormatError: a given artifact cannot be read.
    """
    given = dict(_taken(path, stage) for path in options.artifacts)
    taken = {target for target, _ in given}
    unneeded = explained(options)
    wanted = dict.fromkeys((each.target, each.precision) for each in options.settings if each not in unneeded)
    missing = [kind for kind in wanted if kind not in given and kind[0] not in taken]
    artifacts = list(given.values())
    errors: dict[Kind, MlparityError] = {}
    request = _Request(source, samples, options, frontend)
    for place, kind in enumerate(sorted(missing, key=lambda kind: kind == (Target.COREML, Precision.FP16))):
        progress("convert", place, len(missing))
        try:
            artifacts.append(_converted(kind, request, stage))
            if kind[0] is Target.COREML:
                request = replace(request, frontend=artifacts[-1].frontend)
        except (ConversionError, BackendUnavailableError) as error:
            errors[kind] = error
    if missing:
        progress("convert", len(missing), len(missing))
    if errors and not artifacts:
        raise no_artifact(source, errors)
    return Made(tuple(artifacts), {kind: str(error) for kind, error in errors.items()})


def kind_of(path: Path) -> Kind:
    """Return the target and the precision of an artifact.

    Raises:
        FormatError: there is none, or it cannot be read.
    """
    target = SUFFIXES.get(path.suffix)
    if target is None or not path.exists():
        raise FormatError(
            "not an artifact" if path.exists() else "no such artifact",
            where=str(path),
            expected=", ".join(SUFFIXES),
            next_step="check the path",
        )
    checked_name(path.name, "the artifact")
    return target, precision_of(path)


def _taken(path: Path, stage: Path) -> tuple[Kind, Artifact]:
    kind = kind_of(path)
    place = stage / path.name
    if path.is_dir():
        check_members(path)
        shutil.copytree(path, place)
    else:
        shutil.copyfile(check_regular(path), place)
    return kind, _artifact(place, stage, kind, _Conversion("given", (), {}, 0.0))


def _converted(kind: Kind, request: _Request, stage: Path) -> Artifact:
    target, precision = kind
    place = stage / _name(request.source, kind)
    how = _CONVERTERS[target](request, precision, place)
    return _artifact(place, stage, kind, how)


def _coreml(request: _Request, precision: Precision, place: Path) -> _Conversion:
    from mlparity.convert.coreml import CoremlOptions, convert
    from mlparity.convert.coreml_frontends import order

    chosen = CoremlOptions(
        precision=precision,
        deployment_target=request.options.deployment_target,
        fp32_ops=_fp32_ops(request.options, aten=False),
    )
    if request.frontend:
        routes = sorted(order({}), key=lambda each: each != request.frontend)
        done = convert(request.source, request.samples[0], replace(chosen, frontends=tuple(routes)))
        put(done, place)
        seconds = done.seconds
    else:
        done, seconds = convert_checked(request.source, request.samples, chosen, place)
    return _Conversion(done.frontend, done.attempts, dict(done.options), seconds)


def _litert(request: _Request, _precision: Precision, place: Path) -> _Conversion:
    from mlparity.convert import litert

    done = litert.convert(request.source, request.samples[0], place)
    return _Conversion(done.frontend, (), dict(done.options), done.seconds)


def _onnx(request: _Request, _precision: Precision, place: Path) -> _Conversion:
    from mlparity.convert import onnx

    done = onnx.convert(request.source, request.samples[0], place)
    return _Conversion(done.frontend, (), dict(done.options), done.seconds)


def _coreai(request: _Request, precision: Precision, place: Path) -> _Conversion:
    from mlparity.convert import coreai

    chosen = coreai.CoreaiOptions(precision, fp32_ops=_fp32_ops(request.options, aten=True))
    done = coreai.convert(request.source, request.samples[0], place, chosen)
    return _Conversion(done.frontend, (), dict(done.options), done.seconds)


def _fp32_ops(options: VerifyOptions, *, aten: bool) -> tuple[str, ...]:
    """Return the ops to keep in fp32 that have PyTorch's names, which Core AI takes, or those that have MIL's."""
    return tuple(name for name in options.fp32_ops if name.startswith("aten.") is aten)


_Converter = Callable[[_Request, Precision, Path], _Conversion]

_CONVERTERS: dict[Target, _Converter] = {
    Target.COREML: _coreml,
    Target.LITERT: _litert,
    Target.ONNX: _onnx,
    Target.COREAI: _coreai,
}

_SUFFIX_OF = {target: suffix for suffix, target in SUFFIXES.items()}


def _name(source: Source, kind: Kind) -> str:
    stem = "".join(each if each.isalnum() or each in "-_" else "_" for each in source.name)
    return f"{stem[:80] if stem else 'model'}_{kind[1]}{_SUFFIX_OF[kind[0]]}"


def _artifact(place: Path, stage: Path, kind: Kind, how: _Conversion) -> Artifact:
    files = [place] if place.is_file() else check_members(place)
    return Artifact(
        path=str(place.relative_to(stage)),
        target=kind[0],
        precision=kind[1],
        size_bytes=sum(each.stat().st_size for each in files),
        sha256=artifact_sha256(place),
        frontend=how.frontend,
        attempts=how.attempts,
        options=how.options,
        seconds=how.seconds,
    )
