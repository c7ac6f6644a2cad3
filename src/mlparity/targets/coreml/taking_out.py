"""One model of a file as an artifact: a function of a package, a delegate of ExecuTorch, a compiled model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mlparity.targets.coreml.compiled.models import take_compiled
from mlparity.targets.coreml.endings import COMPILED, EXECUTORCH
from mlparity.targets.coreml.executorch.models import take_model
from mlparity.targets.coreml.functions import take_function
from mlparity.targets.target import TakenOut

_TAKE: Mapping[str, Callable[[Path, str, Path], TakenOut]] = {EXECUTORCH: take_model, COMPILED: take_compiled}


def take_out(path: Path, function: str, folder: Path) -> TakenOut:
    """Return the model `function` of the file at `path`, its default one where that is ""; see each form of file.

    Raises:
        FormatError: the file cannot be read, or has no such model.
    """
    return _TAKE.get(path.suffix, take_function)(path, function, folder)
