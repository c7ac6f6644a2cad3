"""Gives a module the flat form that converters want: tensors by position in, a tuple of tensors out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

import torch
from torch import Tensor, nn

from mlparity.core.errors import SourceError
from mlparity.sources.forward import InputOrder

Path = tuple[str | int, ...]
"""Where a tensor is in a nested output: keys, field names and indices."""

# Core ML renames variables of these names, and then the file's names are no longer the source's.
# Source: coremltools 9.0, converters/mil/mil/passes/defs/preprocess.py, NameSanitizer.
_RESERVED_WORDS = """
any bool program func tensor list dict tuple true false string state
bf16 fp16 fp32 fp64 int8 int16 int32 int64 uint8 uint16 uint32 uint64
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())


class FlatModule(nn.Module):
    """A module whose forward takes tensors in a fixed order, by position or by name, and returns a tuple of tensors.

    None is dropped from the outputs, and nested containers are flattened in their own order. `constants` are keyword
    arguments that never change. The module inside is used as it is, not copied.
    """

    def __init__(self, inner: nn.Module, order: InputOrder, constants: Mapping[str, object]) -> None:
        super().__init__()
        self.inner = inner
        self.order = order
        self.constants = dict(constants)
        # Only this wrapper's flag: some modules inside (an exported program's) refuse a call of eval().
        self.training = False

    def nested(self, *tensors: Tensor, **named: Tensor) -> object:
        """Return what the module inside returns, not flattened."""
        values = {**dict(zip(self.order.names, tensors, strict=False)), **named}
        ordered = [values[name] for name in self.order.names]
        first, rest = ordered[: self.order.by_position], self.order.names[self.order.by_position :]
        return self.inner(*first, **{name: values[name] for name in rest}, **self.constants)

    def forward(self, *tensors: Tensor, **named: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors of the nested output, in order."""
        return tuple(tensor for _, tensor in leaves(self.nested(*tensors, **named)))


def flat_module(inner: nn.Module, order: InputOrder, constants: Mapping[str, object]) -> FlatModule:
    """Wrap `inner` in a `FlatModule` whose forward has a signature with the input names.

    Tracing and export read names from the signature; without it they call the inputs `args_0`, `args_1`, and so on.
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in ("self", *order.names)])

    def forward(self: FlatModule, *tensors: Tensor, **named: Tensor) -> tuple[Tensor, ...]:
        return FlatModule.forward(self, *tensors, **named)

    forward.__signature__ = signature  # type: ignore[attr-defined]
    named_class = type("FlatModule", (FlatModule,), {"forward": forward, "__module__": __name__})
    wrapped = named_class(inner, order, constants)
    assert isinstance(wrapped, FlatModule)  # noqa: S101 - tells the type checker what type() built
    return wrapped


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, Tensor]]:
    """Yield the tensors of a nested output with their paths.

    Raises:
        SourceError: a part is neither a tensor, nor None, nor a container of such parts.
    """
    if isinstance(value, Tensor):
        yield path, value
    elif value is not None:
        for key, child in _children(value, path):
            yield from leaves(child, (*path, key))


def output_names(paths: Iterable[Path], taken: Iterable[str]) -> tuple[str, ...]:
    """Return a name for each path: letters, digits and underscores, unique, and none of `taken`.

    A lone tensor is `output`, an element of a tuple `output_0`, a key or a field keeps its name.
    """
    used = set(taken)
    names: list[str] = []
    for path in paths:
        name = _unique(_plain_name(path), used)
        used.add(name)
        names.append(name)
    return tuple(names)


def tensors_of(sample: Mapping[str, object], names: Iterable[str]) -> tuple[Tensor, ...]:
    """Return the sample's arrays as tensors in the order of `names`; copies, so that no module alters a sample."""
    return tuple(torch.tensor(sample[name]) for name in names)


def _children(value: object, path: Path) -> list[tuple[str | int, object]]:
    if isinstance(value, Mapping):
        return [(str(key), child) for key, child in value.items()]
    if is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    if isinstance(value, (tuple, list)):
        return list(enumerate(value))
    raise SourceError(
        "the source returns something that is no tensor",
        where=f"output {'.'.join(map(str, path)) or '(the whole)'}",
        found=f"{type(value).__module__}.{type(value).__name__}",
        expected="tensors in tuples, lists, mappings or dataclasses",
        next_step="wrap the module in one that returns tensors; for a cache of a language model, set use_cache=False",
    )


def _plain_name(path: Path) -> str:
    rooted = ("output", *path) if not path or isinstance(path[0], int) else path
    name = re.sub(r"[^A-Za-z0-9_]", "_", "_".join(map(str, rooted)))
    if not re.match(r"[A-Za-z]", name):
        name = f"output_{name.lstrip('_')}"
    return name


def _unique(name: str, used: set[str]) -> str:
    if name not in used and name not in _RESERVED:
        return name
    candidates = (f"{name}_out", *(f"{name}_out_{number}" for number in range(2, len(used) + 3)))
    return next(candidate for candidate in candidates if candidate not in used)
