"""What identifies the code that a source may run: the files of the loaded modules that nobody installed."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from mlparity.core.errors import MlparityError
from mlparity.core.regular_files import MEDIUM, read_regular

_OUR_ROOT = Path(__file__).parents[1]
_INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")


def code_sha256() -> str:
    """Return the digest of the files of all loaded modules but those of Python, of installed packages and of ours.

    A branch that a run does not take is among them, and a module that the source's own imports.
    """
    total = sha256()
    for file in sorted(_files()):
        try:
            data = read_regular(Path(file), limit=MEDIUM)
        except (OSError, MlparityError):
            data = b"not readable"
        total.update(f"{file} {len(data)} ".encode() + data)
    return total.hexdigest()


def own_sha256() -> str:
    """Return the digest of mlparity's own files, which have one version while they are worked on."""
    total = sha256()
    for file in sorted(_OUR_ROOT.rglob("*.py")):
        total.update(f"{file.relative_to(_OUR_ROOT)} ".encode() + read_regular(file, limit=MEDIUM))
    return total.hexdigest()


def own_modules() -> tuple[ModuleType, ...]:
    """Return the loaded modules that nobody installed, which another machine need not have."""
    return tuple(module for module, _ in _modules() if module.__name__ != "__main__")


def _files() -> set[str]:
    return {str(path) for _, path in _modules()}


def _modules() -> Iterator[tuple[ModuleType, Path]]:
    installed = [Path(sysconfig.get_path(name)).resolve() for name in _INSTALLED]
    outside = cache(lambda parent: not any(parent.is_relative_to(other) for other in (*installed, _OUR_ROOT)))
    resolved = cache(Path.resolve)  # there are thousands of files, and few folders
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py"):
            named = Path(file)
            path = named.resolve() if named.is_symlink() else resolved(named.parent) / named.name
            if outside(path.parent) and not _takes_packages(path.parent):
                yield module, path


@cache
def _takes_packages(folder: Path) -> bool:
    """Tell whether packages are installed into a folder or one above it, whose versions are known (`--target`)."""
    above = folder.parent != folder and _takes_packages(folder.parent)
    return above or any(folder.glob("*.dist-info"))
