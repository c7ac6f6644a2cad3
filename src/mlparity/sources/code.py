"""The lines of Python that load a source, as a user would write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mlparity.core.errors import InputError
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.sources.entry import is_entry, resolve
from mlparity.sources.flatten import FlatModule, leaves

_WRAPPER = '''


class Tensors(torch.nn.Module):
    """Takes tensors by position and returns a tuple of tensors, as converters want."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, {names}):
        found = self.inner({arguments})
        return {results}


model = Tensors(model).eval()'''


@dataclass(frozen=True, slots=True)
class SourceCode:
    """Lines of code: what is imported, and what makes `model`."""

    imports: tuple[str, ...]
    model: str


def check_loadable(source: Source) -> None:
    """Check that a script can load a source by its name.

    Raises:
        InputError: the source is an object of the calling program, which no other program can load.
    """
    if source.kind not in _SAVED and not is_entry(source.location):
        raise InputError(
            "a script cannot load this source",
            found=f"an object of type {source.location}",
            expected="a source by its name, such as model.py:factory",
            next_step="give the source by its name",
        )


def code_of(source: Source, sample: Sample) -> SourceCode:
    """Return the code that loads a source by its name: a factory, a module in a file, a .pt2 or TorchScript file.

    Where the module takes or returns other things than tensors in a row, the code has a wrapper that does; the module
    is run on `sample` to see.

    Raises:
        InputError: the source is an object of the calling program, which no other program can load.
    """
    check_loadable(source)
    made = _SAVED.get(source.kind)
    loaded = _of_entry(source.location) if made is None else SourceCode((), made.format(source.location))
    return SourceCode(loaded.imports, loaded.model + _wrapper(source, sample))


_SAVED = {
    "pt2": "model = torch.export.load({!r}).module()",
    "torchscript": "model = torch.jit.load({!r}).eval()",
}


def _of_entry(location: str) -> SourceCode:
    home, _, name = location.rpartition(":")
    made = name if isinstance(resolve(location), nn.Module) else f"{name}()"
    folder, module = (str(Path(home).parent), Path(home).stem) if home.endswith(".py") else (".", home)
    path = f"sys.path.insert(0, {folder!r})\nfrom {module} import {name.partition('.')[0]}\n\n"
    return SourceCode(("import sys",), f"{path}model = {made}\nmodel.eval()")


def _wrapper(source: Source, sample: Sample) -> str:
    flat = source.module
    if not isinstance(flat, FlatModule):
        return ""
    with torch.no_grad():
        nested = flat.nested(**{name: torch.as_tensor(sample[name]) for name in source.input_names})
    names, by_position = flat.order.names, flat.order.by_position
    if by_position == len(names) and not flat.constants and _is_row(nested):
        return ""
    arguments = [name if index < by_position else f"{name}={name}" for index, name in enumerate(names)]
    arguments += [f"{name}={value!r}" for name, value in flat.constants.items()]
    results = [f"found{''.join(_steps(nested, path))}" for path, _ in leaves(nested)]
    ends = "," if len(results) == 1 else ""
    return _WRAPPER.format(
        names=", ".join(names), arguments=", ".join(arguments), results=f"{', '.join(results)}{ends}"
    )


def _is_row(nested: object) -> bool:
    is_tuple = type(nested) is tuple and all(isinstance(part, Tensor) for part in nested)
    return isinstance(nested, Tensor) or is_tuple


def _steps(value: object, path: tuple[str | int, ...]) -> Iterator[str]:
    """Yield the code that takes each step of a path into a nested value."""
    for key in path:
        by_key = isinstance(key, int) or isinstance(value, Mapping)
        yield f"[{key!r}]" if by_key else f".{key}"
        value = value[key] if by_key else getattr(value, str(key))  # type: ignore[index]
