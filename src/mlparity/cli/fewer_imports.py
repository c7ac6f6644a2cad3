"""Keeps coremltools from importing packages only to see whether they are there: seconds of each command.

coremltools 9 asks so of TensorFlow, XGBoost, LIBSVM, torchvision, torchaudio, ExecuTorch, torchao and transformers
(https://github.com/apple/coremltools/blob/9.0/coremltools/_deps/__init__.py). The commands use none of them through
coremltools; what the user's own code imports is imported. Its training-time compression, with all of
`torch.distributed` half of what coremltools imports, waits until somebody asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FrameType, ModuleType

_ASKING = "coremltools._deps"
_OPTIMIZE, _TRAINING, _SWITCH = "coremltools.optimize", "torch", "_IMPORT_CT_OPTIMIZE_TORCH"
"""Source: coremltools 9.0, `optimize/__init__.py`: it imports its part `torch` where this name in `_deps` is true."""

_ASKED_FOR = frozenset(
    ("executorch", "libsvm", "tensorflow", "torchao", "torchaudio", "torchvision", "transformers", "xgboost")
)


class _Fewer(MetaPathFinder):
    """Says of those packages that they are not there, to coremltools alone, and lets a part of it wait."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, *_: object) -> ModuleSpec | None:
        """Return None, which leaves a module to other finders, but for the one whose part waits.

        Raises:
            ModuleNotFoundError: coremltools asks for a package of which it wants to know only whether it is there.
        """
        if fullname == _OPTIMIZE:
            return _waiting(PathFinder.find_spec(fullname, path))
        if fullname in _ASKED_FOR and _importing() == _ASKING:
            raise ModuleNotFoundError(f"{fullname} is not imported for coremltools", name=fullname)
        return None


def import_fewer() -> None:
    """Let coremltools be imported without them in this process, from now on."""
    sys.meta_path.insert(0, _Fewer())


class _Waiting(SourceFileLoader):
    """Loads coremltools.optimize without its part `torch`, which is imported where it is asked for."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        switches = vars(sys.modules[_ASKING])
        before = switches[_SWITCH]
        vars(module)["__getattr__"] = _asked_for
        switches[_SWITCH] = False
        try:
            super().exec_module(module)
        finally:
            switches[_SWITCH] = before


def _waiting(found: ModuleSpec | None) -> ModuleSpec | None:
    """Let a part of a module wait, if coremltools is as we know it."""
    if found is not None and type(found.loader) is SourceFileLoader and _SWITCH in vars(sys.modules.get(_ASKING, sys)):
        found.loader = _Waiting(found.loader.name, found.loader.path)
    return found


def _asked_for(name: str) -> ModuleType:
    if name != _TRAINING:
        raise AttributeError(f"module {_OPTIMIZE!r} has no attribute {name!r}")
    return import_module(f"{_OPTIMIZE}.{name}")


def _importing() -> str:
    """Return the name of the module whose statement imports something now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "") in (__name__, *_MACHINERY):
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


_MACHINERY = ("importlib._bootstrap", "importlib._bootstrap_external")
