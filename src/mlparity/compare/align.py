"""Which output of an artifact belongs to which output of its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Alignment:
    """Pairs of (source's name, artifact's name), and why the source's other outputs have no partner.

    `unlike` tells of outputs that are missing or of another shape, which is wrong whatever they hold; `problems` of
    those that cannot be compared. `extra` are those that only the artifact has.
    """

    pairs: tuple[tuple[str, str], ...]
    problems: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()


def align(source: Mapping[str, np.ndarray], artifact: Mapping[str, np.ndarray]) -> Alignment:
    """Pair outputs by name, and those of other names by position, if as many are left on both sides and shapes agree.

    Outputs that only the artifact has are `extra`: nothing says what they should be.
    """
    named = tuple((name, name) for name in source if name in artifact)
    rest, left = _without(source, artifact), _without(artifact, source)
    if rest and _same_shapes(rest, left):
        partners = {**dict(named), **dict(zip(rest, left, strict=True))}
        named = tuple((name, partners[name]) for name in source)
    if not named:
        why = (_unmatched(source, artifact),)
        return Alignment((), unlike=why) if source else Alignment((), why)
    paired = {name for name, _ in named}
    missing = tuple(
        f"{name}: the artifact has no such output (it has {_list(artifact)})" for name in source if name not in paired
    )
    shapes = {(name, other): _unlike(source[name].shape, artifact[other].shape) for name, other in named}
    unlike = tuple(f"{name}: {why}" for (name, _), why in shapes.items() if why)
    alike = tuple(pair for pair, why in shapes.items() if not why)
    unreadable = {(name, other): _why_not(source[name], artifact[other]) for name, other in alike}
    problems = tuple(f"{name}: {why}" for (name, _), why in unreadable.items() if why)
    taken = {other for _, other in named}
    extra = tuple(name for name in artifact if name not in taken)
    return Alignment(tuple(pair for pair, why in unreadable.items() if not why), problems, extra, missing + unlike)


def _without(outputs: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in outputs.items() if name not in others}


def same_shape(source: tuple[int, ...], artifact: tuple[int, ...]) -> bool:
    """Return whether two shapes agree; a scalar agrees with (1,), the form in which Core ML gives it (assumed)."""
    return source == artifact or (source == () and artifact == (1,))


def _same_shapes(source: Mapping[str, np.ndarray], artifact: Mapping[str, np.ndarray]) -> bool:
    pairs = zip(source.values(), artifact.values(), strict=False)
    return len(source) == len(artifact) and all(same_shape(a.shape, b.shape) for a, b in pairs)


def _why_not(source: np.ndarray, artifact: np.ndarray) -> str:
    for side, array in (("source", source), ("artifact", artifact)):
        if array.dtype.kind not in "fiub":
            return f"the {side}'s type {array.dtype} holds no real numbers"
        if not np.can_cast(array.dtype, np.float64):
            return f"the {side}'s type {array.dtype} is wider than float64, in which outputs are compared"
    return ""


def _unlike(source: tuple[int, ...], artifact: tuple[int, ...]) -> str:
    return "" if same_shape(source, artifact) else f"the shapes differ: source {source}, artifact {artifact}"


def _unmatched(source: Mapping[str, np.ndarray], artifact: Mapping[str, np.ndarray]) -> str:
    return (
        f"no output could be paired: the source has {_list(source)}, the artifact has {_list(artifact)};"
        " neither the names nor the shapes in order agree"
    )


def _list(outputs: Mapping[str, np.ndarray]) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in outputs.items()) if outputs else "none"
