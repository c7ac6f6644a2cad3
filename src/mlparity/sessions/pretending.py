"""A script that is told it runs on macOS, for code that predicts there alone; the machine's own code sees the truth.

Who asks decides what is answered. Python's own library and packages with compiled code of their own work as the
machine does, so that processes start, downloads work and kernels compile. The script, coremltools and other pure
Python packages are told of macOS.
"""

from __future__ import annotations

import importlib
import os
import platform
import site
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

VERSION, MACHINE = "26.1", "arm64"
"""What is told of the system: the newest macOS when this was written, on Apple silicon."""

_TOLD = frozenset({"coremltools"})
"""Packages that are told of macOS although they have compiled code: they predict there alone."""

_TRUE = frozenset({"mlparity", "transformers", "huggingface_hub", "pip", "setuptools", "pytest", "_pytest"})
"""Pure packages that act by the system that they see: what they do for macOS fails elsewhere (assumed of all but
transformers and pytest, which were tried)."""

_FIRST = ("torch", "numba", "coremltools")
"""What has to be loaded before: it looks at the system while it is imported."""


def pretend_macos() -> None:
    """Tell this process's script that the system is macOS, until the process ends.

    It changes `sys.platform`, `platform.system`, `machine`, `mac_ver`, `platform` and `uname`, `os.uname`, and
    coremltools' own checks. On macOS it does nothing.
    """
    if sys.platform == "darwin":
        return
    for name in _FIRST:
        importlib.import_module(name)
    _Sys.truth = sys.platform
    sys.__class__ = _Sys
    for owner, name, told in _answers():
        setattr(owner, name, _asked(getattr(owner, name), told))
    _tell_coremltools()


class _Sys(ModuleType):
    """The module `sys`, whose `platform` depends on who reads it."""

    truth = ""

    @property
    def platform(self) -> str:
        return "darwin" if _is_told(sys._getframe(1).f_code.co_filename) else _Sys.truth


def _answers() -> tuple[tuple[Any, str, object], ...]:
    names = platform.uname()
    uname = names._replace(system="Darwin", release="25.1.0", version="Darwin Kernel Version 25.1.0", machine=MACHINE)
    own = os.uname()
    posix = os.uname_result(("Darwin", own.nodename, "25.1.0", "Darwin Kernel Version 25.1.0", MACHINE))
    return (
        (platform, "system", "Darwin"),
        (platform, "machine", MACHINE),
        (platform, "processor", "arm"),
        (platform, "mac_ver", (VERSION, ("", "", ""), MACHINE)),
        (platform, "platform", f"macOS-{VERSION}-{MACHINE}-arm-64bit"),
        (platform, "uname", uname),
        (os, "uname", posix),
    )


def _asked(true: Callable[..., Any], told: object) -> Callable[..., Any]:
    def answer(*arguments: Any, **options: Any) -> Any:
        return told if _is_told(sys._getframe(1).f_code.co_filename) else true(*arguments, **options)

    return answer


def _tell_coremltools() -> None:
    """Set what coremltools has looked up already, and what it would ask a program of macOS for."""
    version = tuple(map(int, VERSION.split(".")))
    known = {"_IS_MACOS": True, "_MACOS_VERSION": version, "_macos_version": lambda: version}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _TOLD:
            for attribute in known.keys() & vars(module).keys():
                setattr(module, attribute, known[attribute])


@cache
def _is_told(file: str) -> bool:
    """Tell whether code of a file is told of macOS: by its package, or that it belongs to none."""
    path = Path(file)
    for home in _homes():
        if path.is_relative_to(home):
            package = path.relative_to(home).parts[0].removesuffix(".py")
            return package in _TOLD or (package not in _TRUE and not _is_compiled(home / package))
    own = Path(__file__).parents[1]
    return not file.startswith("<") and not path.is_relative_to(_library()) and not path.is_relative_to(own)


@cache
def _homes() -> tuple[Path, ...]:
    """Return the folders that packages are installed in."""
    names = (*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_path("purelib"))
    return tuple(dict.fromkeys(Path(name) for name in names))


@cache
def _library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


@cache
def _is_compiled(package: Path) -> bool:
    """Tell whether a package has compiled modules."""
    return package.is_dir() and any(path.suffix in (".so", ".pyd") for path in package.rglob("*"))
