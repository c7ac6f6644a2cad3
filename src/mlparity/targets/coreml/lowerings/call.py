"""One PyTorch call that is being lowered, with its arguments by name, and the table that lowerings enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import _get_inputs, _get_kwinputs
from coremltools.converters.mil.frontend.torch.utils import NUM_TO_DTYPE_STRING
from coremltools.converters.mil.mil import types

Var = Any
"""A value of coremltools' program; coremltools has no type information."""


@dataclass(frozen=True, slots=True)
class Call:
    """A node of PyTorch's graph; `arguments` holds those that are there, by the names of PyTorch's schema."""

    context: Any
    node: Any
    arguments: Mapping[str, Any]

    def tensor(self, name: str) -> Var:
        """Return an argument that must be a tensor; a Python number becomes a constant."""
        given = self.arguments[name]
        return given if hasattr(given, "sym_type") else mb.const(val=given)

    def optional(self, name: str) -> Var | None:
        """Return an argument as it is, or None where the call leaves it out."""
        return self.arguments.get(name)

    def constant(self, name: str, default: Any = None) -> Any:
        """Return the Python value of an argument that does not depend on the inputs, `default` where it is left out.

        Raises:
            ValueError: the value is only known when the model runs.
        """
        given = self.arguments.get(name)
        return default if given is None else _python(given, name, self.node.kind)

    def text(self, name: str, default: str) -> str:
        """Return an argument that is a word.

        Of an exported program the node has the word itself, and coremltools would look for a value of that name.
        """
        named = (self.node.kwinputs if self.node.kwinputs is not None else {}).get(name)
        given = named[0] if named else self.arguments.get(name)
        return default if given is None else str(getattr(given, "val", given))

    def shape(self, name: str) -> Var:
        """Return an argument that is a shape as one vector, also where parts of it are computed."""
        given = self.arguments[name]
        return mb.concat(values=given, axis=0) if isinstance(given, list) else mb.cast(x=given, dtype="int32")

    def dtype(self, like: Var) -> str:
        """Return MIL's name of the type that is asked for, the type of `like` where none is."""
        number = self.constant("dtype")
        name = types.builtin_to_string(like.dtype) if number is None else NUM_TO_DTYPE_STRING[int(number)]
        return _HELD.get(name, str(name))


Lower = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Lowering:
    """How an op is lowered: its names in both frontends, its parameters in PyTorch's order, and the function.

    A trace does not tell overloads apart; a call with more arguments than `parameters` has those of `wider`.
    With `replaces` it replaces coremltools' own lowering, which gives wrong results or fails; the
    function's docstring says where.
    """

    names: tuple[str, ...]
    parameters: tuple[str, ...]
    lower: Lower
    replaces: bool
    wider: tuple[str, ...] = ()

    def __call__(self, context: Any, node: Any) -> None:
        """Lower one node, as coremltools calls it."""
        inputs = _get_inputs(context, node)
        parameters = self.wider if self.wider and len(inputs) > len(self.parameters) else self.parameters
        given = dict(zip(parameters, inputs, strict=False))
        names = dict.fromkeys((*self.parameters, *self.wider))
        named = {name: _get_kwinputs(context, node, name, default=[None])[0] for name in names}
        arguments = {**given, **{name: value for name, value in named.items() if value is not None}}
        result = self.lower(Call(context, node, arguments))
        if result is not None:  # None: the function has left the node to coremltools' own lowering
            _add(context, node, result)


LOWERINGS: list[Lowering] = []
"""All lowerings, in the order of their definition."""


def lowering(names: str, parameters: str, *, replaces: bool = False, wider: str = "") -> Callable[[Lower], Lower]:
    """Enter a function into the table, under names and with parameters that are separated by blanks.

    Names are as coremltools looks them up: in lower case, without `aten::`, and in the exported form with the
    overload after a dot, but for `.default`, `.Tensor`, `.int` and `.Scalar`.
    """

    def enter(lower: Lower) -> Lower:
        LOWERINGS.append(
            Lowering(tuple(names.split()), tuple(parameters.split()), lower, replaces, tuple(wider.split()))
        )
        return lower

    return enter


_HELD = {"uint8": "int32", "int8": "int32", "int16": "int32", "fp16": "fp32"}
"""Types that a conversion holds in another: fp16 comes last, by coremltools' own pass."""


def _python(given: Any, name: str, kind: str) -> Any:
    if isinstance(given, list):
        return [_python(part, name, kind) for part in given]
    if not hasattr(given, "sym_type"):
        return given
    if given.val is None:
        raise ValueError(f"{kind} needs a constant {name}; here it depends on the inputs")
    return given.val.tolist() if hasattr(given.val, "tolist") else given.val


def _add(context: Any, node: Any, result: Any) -> None:
    several = isinstance(result, (list, tuple))
    if several and len(node.outputs) == len(result) and len(result) > 1:
        for name, output in zip(node.outputs, result, strict=True):
            context.add(output, torch_name=name)
    else:
        context.add(result, torch_name=node.name)
