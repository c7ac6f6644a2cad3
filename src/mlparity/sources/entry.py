"""Turns `package.module:name` and `file.py:name` into the Python object that they name."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from types import ModuleType

from mlparity.core.errors import SourceError
from mlparity.core.user_code import failing_as, import_place, raised_at, said


def is_entry(spec: str) -> bool:
    """Tell whether `spec` has the form `place:name`, and is not an existing file with a colon in its name."""
    place, colon, name = spec.rpartition(":")
    dotted = all(part.isidentifier() for part in name.split("."))
    return bool(place and colon and dotted) and not Path(spec).exists()


def resolve(spec: str) -> object:
    """Import the place that `spec` names and return the object of that name in it.

    The current directory, or the file's own, can be imported from meanwhile, as `python` does for a script.

    Raises:
        SourceError: the place does not exist or raises while it is imported, or has no such name.
    """
    place, _, name = spec.rpartition(":")
    module = _imported(place, spec)
    try:
        with failing_as(lambda error: _failed(place, spec, error), AttributeError):
            return attrgetter(name)(module)
    except AttributeError as error:
        raise SourceError(
            f"{place} has no {name}",
            where=spec,
            found=", ".join(_public_callables(module)) or "no functions or classes",
            expected="the name of a function or of a module in it",
        ) from error


def _imported(place: str, spec: str) -> ModuleType:
    try:
        with failing_as(lambda error: _failed(place, spec, error), FileNotFoundError):
            return import_place(place)
    except FileNotFoundError as error:
        if Path(place).is_file() or not place.endswith(".py"):
            raise _failed(place, spec, error) from error
        raise SourceError(f"there is no file {place}", where=spec, expected="file.py:factory") from error


def _failed(place: str, spec: str, error: BaseException) -> SourceError:
    return SourceError(
        f"{place} cannot be imported",
        where=f"{spec}, raised at {raised_at(error)}",
        found=said(error),
        next_step=f"run `python -c 'import {Path(place).stem}'` and mend what it says",
    )


def _public_callables(module: ModuleType) -> list[str]:
    names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    return sorted(names)[:12]
