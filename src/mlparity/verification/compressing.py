"""The compressions that a verification was asked for: settings of their own, and artifacts made of other artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from mlparity.core.errors import ConversionError, InputError
from mlparity.core.words import Precision, Setting
from mlparity.targets.compressor import Compression, OwnCompression
from mlparity.targets.table import compression_names, target_named
from mlparity.verification.options import VerifyOptions


def with_compressions(options: VerifyOptions) -> VerifyOptions:
    """Return the options with a setting more for each that is to be compressed.

    That are the fp16 settings of a target, or those in fp32 where no other is asked for.

    Raises:
        InputError: there is no such compression, two have one name, or no setting can be compressed by it.
    """
    if not options.compress:
        return options
    asked = tuple(setting for each in _compressions(options) for setting in _settings(each, options))
    return replace(options, settings=tuple(dict.fromkeys((*options.settings, *asked))))


@contextmanager
def asked_for(name: str, options: VerifyOptions) -> Iterator[None]:
    """Let a refusal of a compression that the user named be bad input; of one among the settings, its row says so.

    Raises:
        InputError: the compression is refused inside the block.
    """
    try:
        yield
    except ConversionError as error:
        if name not in {each.name for each in _compressions(options)}:
            raise
        raise InputError(
            error.what,
            where=error.where or f"--compress {name}",
            found=error.found,
            expected=error.expected,
            next_step=error.next_step,
        ) from error


def compression_of(name: str, options: VerifyOptions) -> Compression:
    """Return the compression that a setting names."""
    return next((each for each in _compressions(options) if each.name == name), Compression(name))


def _compressions(options: VerifyOptions) -> list[Compression]:
    found = [_compression(each) for each in options.compress]
    names = [each.name for each in found]
    usual = {each.name for each in found if each.function is not None} & set(compression_names())
    twice = usual | {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(
            "two compressions have one name", found=", ".join(sorted(twice)), next_step="give a function another name"
        )
    return found


def _compression(asked: str | OwnCompression) -> Compression:
    if isinstance(asked, str) and ":" not in asked:
        return Compression(asked)
    own = asked.rpartition(":")[2] if isinstance(asked, str) else getattr(asked, "__name__", type(asked).__name__)
    name = re.sub("[^a-z0-9_]+", "_", own.lower()).strip("_")
    return Compression(name if name[:1].isalpha() else f"own_{name}".rstrip("_"), asked)


def _settings(compression: Compression, options: VerifyOptions) -> Iterator[Setting]:
    targets = dict.fromkeys(setting.target for setting in options.settings)
    found = [setting for target in targets for setting in _of_target(target, compression, options)]
    if not found:
        raise _unknown(compression, options)
    if not options.artifacts:
        _check_storable(compression, options, {setting.target for setting in found})
    yield from (replace(setting, compression=compression.name) for setting in found)


def _check_storable(compression: Compression, options: VerifyOptions, targets: Iterable[str]) -> None:
    """Check, before any work, that the deployment targets that were asked for can hold a compression.

    Raises:
        InputError: one is too old.
    """
    asked = options.deployment_targets or ((options.deployment_target,) if options.deployment_target else ())
    compressors = [found for name in targets if (found := target_named(name).compressor) is not None]
    with asked_for(compression.name, options):
        for compressor in compressors:
            for each in asked:
                compressor.base_target(compression, each)


def _of_target(name: str, compression: Compression, options: VerifyOptions) -> list[Setting]:
    compressor = target_named(name).compressor
    if compressor is None or not compressor.knows(compression):
        return []
    plain = [each for each in options.settings if each.target == name and not each.compression]
    fitting = [each for each in plain if each.precision in compressor.precisions]
    return [each for each in fitting if each.precision is Precision.FP16] or fitting


def _unknown(compression: Compression, options: VerifyOptions) -> InputError:
    if compression.function is None and compression.name not in compression_names():
        return InputError(
            "no such compression",
            found=compression.name,
            expected=f"{', '.join(compression_names())}, or module:function",
            next_step="use one of these",
        )
    return InputError(
        f"no setting can be compressed by {compression.name}",
        found=", ".join(map(str, options.settings)),
        next_step="name a setting such as fp16/ALL",
    )
