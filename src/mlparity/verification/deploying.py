"""Several deployment targets in one verification: settings of their own, and what the converter lowered otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from mlparity.core.errors import ConversionError, InputError, MlparityError
from mlparity.core.words import Setting
from mlparity.engine.reading import read_stages
from mlparity.record.record import Artifact, Lowering
from mlparity.targets.table import for_deployment, target_named
from mlparity.verification.options import VerifyOptions


def with_deployments(options: VerifyOptions) -> VerifyOptions:
    """Return the options with each setting once for each of the deployment targets, where its format has them.

    Raises:
        InputError: artifacts are given, of which none is converted; or a cure is asked for.
        ConversionError: an unknown deployment target.
    """
    targets = tuple(dict.fromkeys(options.deployment_targets))
    if len(targets) == 1:
        options = replace(options, deployment_target=targets[0], deployment_targets=())
    elif targets:
        settings = (each for setting in options.settings for each in _for_each(setting, targets))
        options = replace(options, settings=tuple(dict.fromkeys(settings)))
    _check(options)
    return options


def lowerings_of(artifacts: Sequence[Artifact], stage: Path) -> tuple[Lowering, ...]:
    """Return how the graph for each deployment target differs from that for the one before it."""
    kinds: dict[object, list[Artifact]] = {}
    for artifact in artifacts:
        if artifact.deployment:
            kinds.setdefault((artifact.target, artifact.precision, artifact.compression), []).append(artifact)
    pairs = (pair for kind in kinds.values() for pair in pairwise(kind))
    return tuple(_lowering(other, artifact, stage) for other, artifact in pairs)


def _for_each(setting: Setting, targets: Sequence[str]) -> Iterator[Setting]:
    found = () if setting.deployment else tuple(each for name in targets for each in for_deployment(setting, name))
    yield from found if found else (setting,)


def _check(options: VerifyOptions) -> None:
    named = [setting for setting in options.settings if setting.deployment]
    if not named:
        return
    if options.artifacts:
        raise InputError(
            "several deployment targets are for conversions that are made here, and a file is given",
            found=f"--artifact {options.artifacts[0]}, which was made for one already",
            next_step="leave out --target, and verify each file by itself",
        )
    if options.fix:
        raise InputError(
            "a cure is found for one deployment target",
            found=f"--fix, and {', '.join(dict.fromkeys(setting.deployment for setting in named))}",
            next_step="verify one deployment target at a time with --fix",
        )
    for setting in named:
        known = target_named(setting.target).deployment_targets
        names = () if known is None else known()
        if setting.deployment not in names:
            raise ConversionError(
                f"unknown deployment target {setting.deployment!r}",
                expected=", ".join(names),
                next_step="use one of these names",
            )


def _lowering(other: Artifact, artifact: Artifact, stage: Path) -> Lowering:
    before, after = (_ops(stage / each.path) for each in (other, artifact))
    return Lowering(artifact.path, other.path, _sorted(after - before), _sorted(before - after))


def _sorted(ops: Counter[str]) -> Mapping[str, int]:
    return dict(sorted(ops.items()))


def _ops(path: Path) -> Counter[str]:
    """Count the ops of a package by type; none where it cannot be read, which its rows say."""
    try:
        programs, _ = read_stages(path)
    except MlparityError:
        return Counter()
    walked = (op.type for program in programs for each in program.functions.values() for op in each.walk())
    return Counter(kind for kind in walked if kind != "const")
