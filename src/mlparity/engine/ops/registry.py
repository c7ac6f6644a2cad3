"""The one table of MIL ops: a name and an opset select a typed Python function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ParamSpec, TypeVar

from mlparity.core.errors import UnsupportedOpError


class Rounding(StrEnum):
    """Where an op loses bits; the interpreter, and later the diagnosis, read this."""

    NONE = "none"
    """Moves or selects values: the result is stored as it is."""
    ELEMENT = "element"
    """One rounding per output element."""
    REDUCE = "reduce"
    """A sum is held in the accumulator, then rounded once."""


@dataclass(frozen=True, slots=True)
class OpDef:
    """One MIL op as of one opset; the signature of `fn` is its schema.

    A `pure` op gives the same result for the same inputs, so it may be folded; random and stateful ops are not.
    """

    name: str
    since: int
    rounding: Rounding
    fn: Callable[..., object]
    pure: bool = True


P = ParamSpec("P")
R = TypeVar("R")

_OPS: dict[str, list[OpDef]] = {}


def mil_op(
    name: str, *, since: int = 15, rounding: Rounding, pure: bool = True
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Enter the decorated function as the definition of the MIL op `name` from opset iOS`since` on.

    Parameter names are MIL's input names, verbatim. A parameter annotated with `Tensor` (or a sequence of
    tensors) receives tensors; any other receives a Python value (number, bool, string, tuple). A keyword-only
    `num: Numerics` receives the numerics. The interpreter stores the result; see docs/decisions/0002.

    Raises:
        ValueError: the op is already defined for that opset.
    """

    def enter(fn: Callable[P, R]) -> Callable[P, R]:
        versions = _OPS.setdefault(name, [])
        if any(op.since == since for op in versions):
            raise ValueError(f"{name} is already defined since iOS{since}")
        versions.append(OpDef(name, since, rounding, fn, pure))
        versions.sort(key=lambda op: op.since)
        return fn

    return enter


def find(name: str, opset: int) -> OpDef:
    """Return the newest definition of `name` that opset iOS`opset` includes.

    Raises:
        UnsupportedOpError: no definition, or only newer ones.
    """
    versions = _OPS.get(name, [])
    usable = [op for op in versions if op.since <= opset]
    if usable:
        return usable[-1]
    raise UnsupportedOpError(
        f"the op {name!r} is not supported at opset iOS{opset}",
        found=", ".join(f"defined since iOS{op.since}" for op in versions) or "no definition",
        next_step="`mlparity inspect --ops` lists what the engine runs",
    )


def definitions() -> Iterator[OpDef]:
    """Yield every definition, by name and then by opset."""
    for name in sorted(_OPS):
        yield from _OPS[name]


def opsets() -> tuple[tuple[str, str], ...]:
    """Return each op's name, and the opsets that its definitions begin at, such as `iOS15, iOS17`."""
    since: dict[str, list[str]] = {}
    for op in definitions():
        since.setdefault(op.name, []).append(f"iOS{op.since}")
    return tuple((name, ", ".join(names)) for name, names in since.items())
