"""The targets: the only list of them in the project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from mlparity.core.errors import FormatError, PolicyError
from mlparity.core.words import DECLARED, Precision, Setting
from mlparity.targets.coreai.target import COREAI
from mlparity.targets.coreml.target import COREML
from mlparity.targets.litert.target import LITERT
from mlparity.targets.onnx.target import ONNX
from mlparity.targets.target import Target

_TARGETS = [COREML, LITERT, ONNX, COREAI]


def targets() -> tuple[Target, ...]:
    """Return all targets, in the order in which a report shows them."""
    return tuple(_TARGETS)


@contextmanager
def registered(target: Target) -> Iterator[None]:
    """Add a target to the table inside the `with` block.

    Raises:
        ValueError: its name or one of its suffixes is taken.
    """
    taken = {name for target in _TARGETS for name in (target.name, *target.suffixes)}
    if taken & {target.name, *target.suffixes}:
        raise ValueError(f"a target with the name {target.name!r} or one of its suffixes is in the table already")
    _TARGETS.append(target)
    try:
        yield
    finally:
        _TARGETS.remove(target)


def target_named(name: str) -> Target:
    """Return the target of that name.

    Raises:
        FormatError: there is none.
    """
    found = next((target for target in _TARGETS if target.name == name), None)
    if found is None:
        raise FormatError("no such target", found=name, expected=", ".join(target.name for target in _TARGETS))
    return found


def title_of(name: str) -> str:
    """Return how a target is written in a sentence; its name where this version does not know it."""
    return next((target.title for target in _TARGETS if target.name == name), name)


def leading(names: Iterable[str]) -> str:
    """Return the first of these targets that leads, "" where none does: the others are witnesses beside it."""
    known = set(names)
    return next((target.name for target in _TARGETS if target.leads and target.name in known), "")


def suffixes() -> tuple[str, ...]:
    """Return the endings of the files and folders that are artifacts, or that artifacts are taken out of."""
    return tuple(suffix for target in _TARGETS for suffix in (*target.suffixes, *target.containers))


def target_of(path: Path) -> Target | None:
    """Return the target whose artifacts, or whose containers of them, end as `path` does; None where there is none."""
    return next((target for target in _TARGETS if path.suffix in (*target.suffixes, *target.containers)), None)


def checked_target(path: Path) -> Target:
    """Return the target of an artifact, or of a file that artifacts are taken out of.

    Raises:
        FormatError: there is none, or nothing at `path`.
    """
    target = target_of(path)
    if target is None or not path.exists():
        raise FormatError(
            "not an artifact" if path.exists() else "no such artifact",
            where=str(path),
            expected=", ".join(suffixes()),
            next_step="check the path",
        )
    return target


def default_settings() -> tuple[Setting, ...]:
    """Return what is verified where nothing else is asked for."""
    return tuple(setting for target in _TARGETS if not target.on_request for setting in target.settings)


def all_settings() -> tuple[Setting, ...]:
    """Return every setting that can be asked for."""
    extra = (setting for target in _TARGETS for setting in target.extra_settings)
    return (*_usual_settings(), *extra)


def _usual_settings() -> tuple[Setting, ...]:
    return tuple(setting for target in _TARGETS for setting in target.settings)


def settings_of(target: str, precision: Precision) -> tuple[Setting, ...]:
    """Return the settings that an artifact of this target and precision is verified in: the usual ones, if any."""
    known = target_named(target)
    usual, extra = (
        tuple(setting for setting in settings if setting.precision is precision)
        for settings in (known.settings, known.extra_settings)
    )
    return usual or extra


def settings_from(names: Sequence[str]) -> tuple[Setting, ...]:
    """Return the settings with these names or patterns, such as "fp16/ALL" or "litert/*".

    Without names these are all settings that are verified by default. A setting's name is
    `[target/]format[+compression][@deployment][/unit]`. A pattern selects among the default settings; if it matches
    none of them, among the usual settings of the targets that are verified on request, and at last among all settings.

    Raises:
        PolicyError: a name or a pattern matches no setting.
    """
    found = [setting for name in names for setting in _matching(name)]
    return tuple(dict.fromkeys(found)) if names else default_settings()


def _matching(name: str) -> tuple[Setting, ...]:
    form, at, rest = name.partition("@")
    deployment, slash, unit = rest.partition("/")
    plain = f"{form}{slash}{unit}" if at else name
    found = _compressed(plain) if "+" in plain else _uncompressed(plain)
    found = tuple(each for setting in found for each in for_deployment(setting, deployment)) if at else found
    if not found:
        raise PolicyError(
            f"unknown setting {name!r}",
            expected=", ".join(map(str, all_settings())),
            next_step="use one of these names, or a pattern such as 'fp16/*'; a compression stands as in"
            f" 'fp16+palettize4/ALL', and is one of {', '.join(compression_names())}",
        )
    return found


def _compressed(name: str) -> tuple[Setting, ...]:
    """Return what a name with a compression matches: the settings that it names without, in each such compression."""
    form, _, rest = name.partition("+")
    compression, slash, unit = rest.partition("/")
    plain = _uncompressed(f"{form}{slash}{unit}")
    return tuple(
        replace(setting, compression=each) for setting in plain for each in _compressions(setting, compression)
    )


def _compressions(setting: Setting, pattern: str) -> tuple[str, ...]:
    compressor = target_named(setting.target).compressor
    if compressor is None or setting.precision not in compressor.precisions:
        return ()
    usual = tuple(name for name in compressor.names if fnmatchcase(name, pattern))
    return usual or ((pattern,) if compressor.has(pattern) else ())


def for_deployment(setting: Setting, deployment: str) -> tuple[Setting, ...]:
    """Return a setting for a deployment target, none where a conversion to its format has no such choice."""
    target = target_named(setting.target)
    if target.deployment_targets is None or setting.precision not in DECLARED or not deployment.isalnum():
        return ()
    return (replace(setting, deployment=deployment),)


def compression_names() -> tuple[str, ...]:
    """Return the usual compressions of all targets."""
    compressors = (target.compressor for target in _TARGETS)
    return tuple(dict.fromkeys(name for each in compressors if each is not None for name in each.names))


def _uncompressed(name: str) -> tuple[Setting, ...]:
    for known in (default_settings(), _usual_settings(), all_settings()):
        found = tuple(setting for setting in known if fnmatchcase(str(setting), name))
        if found:
            return found
    return ()
