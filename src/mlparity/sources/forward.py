"""Reads which inputs a module's `forward` takes, and matches them with the names of a sample."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from mlparity.core.errors import InputError

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class ForwardInputs:
    """The parameters of a `forward`, in order.

    `positional` are those that may be passed by position; `required` have no default. With `takes_more` the
    forward has `*args`, and takes inputs of any name after the named ones.
    """

    names: tuple[str, ...]
    positional: tuple[str, ...]
    required: tuple[str, ...]
    takes_more: bool = False


@dataclass(frozen=True, slots=True)
class InputOrder:
    """A sample's names in forward's order; the first `by_position` of them are passed by position."""

    names: tuple[str, ...]
    by_position: int


def forward_inputs(module: nn.Module, by_position: int | None = None) -> ForwardInputs:
    """Return the inputs of `module`, from TorchScript's schema or from Python's signature.

    With `by_position` only that many may be passed by position, whatever the signature says.
    """
    if isinstance(module, torch.jit.ScriptModule):
        return _from_schema(module)
    parameters = list(inspect.signature(module.forward).parameters.values())
    named = [parameter for parameter in parameters if parameter.kind not in _VARIADIC]
    return ForwardInputs(
        names=tuple(parameter.name for parameter in named),
        positional=tuple(parameter.name for parameter in named if parameter.kind in _POSITIONAL)[:by_position],
        required=tuple(parameter.name for parameter in named if parameter.default is inspect.Parameter.empty),
        takes_more=any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters),
    )


def ordered_names(inputs: ForwardInputs, sample_names: Iterable[str], where: str) -> InputOrder:
    """Return the sample's names in forward's order.

    Raises:
        InputError: the sample has a name that forward does not know, or lacks one that it requires.
    """
    given = tuple(sample_names)
    unknown = tuple(name for name in given if name not in inputs.names)
    missing = tuple(name for name in inputs.required if name not in given)
    if missing or (unknown and not inputs.takes_more):
        raise _mismatch(inputs, given, unknown, missing, where)
    known = tuple(name for name in inputs.names if name in given)
    leading = _shared_prefix(inputs.positional, known)
    if unknown and leading < len(known):
        raise _mismatch(inputs, given, unknown, missing, where)
    return InputOrder(known + unknown, leading + len(unknown))


def _shared_prefix(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    pairs = zip(first, second, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _from_schema(module: torch.jit.ScriptModule) -> ForwardInputs:
    schema = module.forward.schema  # type: ignore[attr-defined]
    arguments = [argument for argument in schema.arguments if argument.name != "self"]
    return ForwardInputs(
        names=tuple(argument.name for argument in arguments),
        positional=tuple(argument.name for argument in arguments if not argument.kwarg_only),
        required=tuple(argument.name for argument in arguments if not argument.has_default_value()),
    )


def _mismatch(
    inputs: ForwardInputs, given: tuple[str, ...], unknown: tuple[str, ...], missing: tuple[str, ...], where: str
) -> InputError:
    complaints = [f"forward does not know {', '.join(unknown)}"] if unknown else []
    complaints += [f"the sample lacks {', '.join(missing)}"] if missing else []
    return InputError(
        f"the sample does not fit the source's forward: {'; '.join(complaints)}",
        where=where,
        found=f"a sample with {', '.join(given) or 'no inputs'}",
        expected=f"forward({', '.join(_shown(inputs))})",
        next_step="rename the sample's inputs, or wrap the module in one whose forward names every input",
    )


def _shown(inputs: ForwardInputs) -> list[str]:
    names = [name if name in inputs.required else f"{name}=..." for name in inputs.names]
    return [*names, "*..."] if inputs.takes_more else names
