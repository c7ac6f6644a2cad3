"""Turns `package.module:name` and `file.py:name` into the Python object that they name."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from types import ModuleType

from mlparity.core.errors import SourceError
from mlparity.core.user_code import failing_as, import_module, raised_at, said


def is_entry(spec: str) -> bool:
    """Tell whether `spec` has the form `module:name`, and is not an existing file with a colon in its name."""
    module, colon, name = spec.rpartition(":")
    dotted = all(part.isidentifier() for part in name.split("."))
    return bool(module and colon and dotted) and not Path(spec).exists()


def resolve(spec: str) -> object:
    """Import the module or file that `spec` names before its colon, and return the object that it names after it.

    The current directory, or the file's own, can be imported from meanwhile, as `python` does for a script.

    Raises:
        SourceError: no such module or file, it raises while it is imported, or it has no such name.
    """
    home, _, name = spec.rpartition(":")
    module = _imported(home, spec)
    try:
        with failing_as(lambda error: _failed(home, spec, error), AttributeError):
            return attrgetter(name)(module)
    except AttributeError as error:
        raise SourceError(
            f"{home} has no {name}",
            where=spec,
            found=", ".join(_public_callables(module)) or "no functions or classes",
            expected="the name of a function or of a module in it",
        ) from error


def _imported(name: str, spec: str) -> ModuleType:
    try:
        with failing_as(lambda error: _failed(name, spec, error), FileNotFoundError):
            return import_module(name)
    except FileNotFoundError as error:
        if Path(name).is_file() or not name.endswith(".py"):
            raise _failed(name, spec, error) from error
        raise SourceError(f"there is no file {name}", where=spec, expected="file.py:factory") from error


def _failed(name: str, spec: str, error: BaseException) -> SourceError:
    return SourceError(
        f"{name} cannot be imported",
        where=f"{spec}, raised at {raised_at(error)}",
        found=said(error),
        next_step=f"run `python -c 'import {Path(name).stem}'` and mend what it says",
    )


def _public_callables(module: ModuleType) -> list[str]:
    names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    return sorted(names)[:12]
