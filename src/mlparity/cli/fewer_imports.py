"""Keeps coremltools from importing packages only to see whether they are there: seconds of each command.

coremltools 9 asks so of TensorFlow, XGBoost, LIBSVM, torchvision, torchaudio, ExecuTorch, torchao and transformers
(https://github.com/apple/coremltools/blob/9.0/coremltools/_deps/__init__.py). The commands use none of them through
coremltools; what the user's own code imports is imported.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FrameType

_ASKING = "coremltools._deps"
_ASKED_FOR = frozenset(
    ("executorch", "libsvm", "tensorflow", "torchao", "torchaudio", "torchvision", "transformers", "xgboost")
)


class _NotThere(MetaPathFinder):
    """Says of those packages that they are not there, to coremltools alone."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Return None, which leaves a module to other finders.

        Raises:
            ModuleNotFoundError: coremltools asks for a package of which it wants to know only whether it is there.
        """
        if fullname in _ASKED_FOR and _importing() == _ASKING:
            raise ModuleNotFoundError(f"{fullname} is not imported for coremltools", name=fullname)
        return None


def import_fewer() -> None:
    """Let coremltools be imported without them in this process, from now on."""
    sys.meta_path.insert(0, _NotThere())


def _importing() -> str:
    """Return the name of the module whose statement imports something now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "") in (__name__, *_MACHINERY):
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


_MACHINERY = ("importlib._bootstrap", "importlib._bootstrap_external")
