"""Turns `package.module:name` and `file.py:name` into the Python object that they name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from types import ModuleType

from mlparity.core.errors import MlparityError, SourceError


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
    with importable(_folder(place)):
        module = _imported(place, spec)
    try:
        return attrgetter(name)(module)
    except AttributeError as error:
        raise SourceError(
            f"{place} has no {name}",
            where=spec,
            found=", ".join(_public_callables(module)) or "no functions or classes",
            expected="the name of a function or of a module in it",
        ) from error


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Put `folder` first on the import path inside the `with` block."""
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


def raised_at(error: BaseException) -> str:
    """Return `file:line (function)` of the innermost frame in which `error` was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} ({frames[-1].name})" if frames else "unknown place"


def said(error: BaseException) -> str:
    """Return the error's type and message in one line, as Python prints them."""
    return "".join(traceback.format_exception_only(error)).strip()


def folder_of(spec: str) -> Path:
    """Return the folder that the code behind `spec` may import from."""
    return _folder(spec.rpartition(":")[0])


def _folder(place: str) -> Path:
    return Path(place).resolve().parent if place.endswith(".py") else Path.cwd()


def _imported(place: str, spec: str) -> ModuleType:
    try:
        return _import_file(Path(place), spec) if place.endswith(".py") else importlib.import_module(place)
    except MlparityError:
        raise
    # A script without a main guard may end in SystemExit, which would otherwise end the verification silently.
    except (Exception, SystemExit) as error:
        raise SourceError(
            f"{place} cannot be imported",
            where=f"{spec}, raised at {raised_at(error)}",
            found=said(error),
            next_step=f"run `python -c 'import {Path(place).stem}'` and mend what it says",
        ) from error


def _import_file(path: Path, spec: str) -> ModuleType:
    if not path.is_file():
        raise SourceError(f"there is no file {path}", where=spec, expected="file.py:factory")
    # The digest keeps two files of one name apart; the name must be in sys.modules for dataclasses and pickling.
    name = f"{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    recipe = importlib.util.spec_from_file_location(name, path)
    if recipe is None or recipe.loader is None:
        raise SourceError(f"Python cannot import {path}", where=spec, expected="a .py file")
    module = importlib.util.module_from_spec(recipe)
    sys.modules[name] = module
    recipe.loader.exec_module(module)
    return module


def _public_callables(module: ModuleType) -> list[str]:
    names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
    return sorted(names)[:12]
