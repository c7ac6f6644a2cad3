"""The user's own Python: modules and files that the command line names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from mlparity.core.errors import MlparityError
from mlparity.core.regular_files import MEDIUM, check_regular


@contextmanager
def failing_as(failure: Callable[[BaseException], MlparityError], *passing: type[BaseException]) -> Iterator[None]:
    """Let whatever the user's code raises inside the block become `failure(error)`: also an exit, or one of its own.

    Ctrl-C, errors of ours and those of the types `passing` pass through.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, MlparityError, *passing)):
            raise
        raise failure(error) from error


def import_module(module: str) -> ModuleType:
    """Import `package.module` or `file.py`; the current directory, or the file's own, can be imported from meanwhile.

    Raises:
        FileNotFoundError: there is no such file. What the user's code raises passes through.
    """
    with importable(folder_of(module)):
        return _import_file(Path(module)) if module.endswith(".py") else importlib.import_module(module)


def folder_of(module: str) -> Path:
    """Return the folder that the code at `module` may import from."""
    return Path(module).resolve().parent if module.endswith(".py") else Path.cwd()


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
    return f"{frames[-1].filename}:{frames[-1].lineno} ({frames[-1].name})" if frames else "unknown line"


def said(error: BaseException) -> str:
    """Return the error's type and message in one line, as Python prints them."""
    return "".join(traceback.format_exception_only(error)).strip()


def _import_file(path: Path) -> ModuleType:
    # The digest keeps two files of one name apart; the name must be in sys.modules for dataclasses and pickling.
    name = f"{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    recipe = importlib.util.spec_from_file_location(name, path)
    check_regular(path, limit=MEDIUM)
    if recipe is None or recipe.loader is None:
        raise FileNotFoundError(f"there is no Python file {path}")
    module = importlib.util.module_from_spec(recipe)
    sys.modules[name] = module
    recipe.loader.exec_module(module)
    return module
