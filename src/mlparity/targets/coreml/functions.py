"""One function of a package that has several, as a package of its own with the same weights.

A package with functions describes each of them, and has no inputs of its own. A package with one function, called
`main`, is described as a whole. Source: coremltools 9.0, `Model.proto` (`ModelDescription`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import SUFFIX, find_package
from mlparity.core.writing import write_whole
from mlparity.engine.mil.spec import parse_spec
from mlparity.engine.reading import read_stages
from mlparity.targets.target import TakenOut

_ONLY = "main"


def take_function(path: Path, function: str, folder: Path) -> TakenOut:
    """Return the package at `path` where it has one function, else `function` of it in a new package in `folder`.

    Raises:
        FormatError: the package cannot be read, or has no such function.
    """
    spec = find_package(path).spec
    message = parse_spec(spec)
    names = functions_of(message)
    if function and function not in names:
        raise unknown_function(path, function, names)
    if not message.description.functions:
        return TakenOut(path)
    read_stages(path)  # what Core ML would not load as a whole is refused as a whole
    chosen = function if function else message.description.defaultFunctionName or names[0]
    taken = folder / f"{path.stem}_{plain_name(chosen)}{SUFFIX}"
    shutil.copytree(path, taken, copy_function=link_or_copy)
    write_whole(find_package(taken).spec, _alone(message, chosen).SerializeToString(deterministic=True))
    return TakenOut(taken, chosen, tuple(name for name in names if name != chosen))


def functions_of(message: Any) -> tuple[str, ...]:
    """Return the names of a model's functions; a model of another kind than an ML Program has one, `main`."""
    described = tuple(function.name for function in message.description.functions)
    return described if described else (_ONLY,)


def unknown_function(path: Path, function: str, names: Sequence[str]) -> FormatError:
    """Return the error that a file has no function of that name."""
    return FormatError(
        f"the file has no function {function!r}",
        where=str(path),
        expected=", ".join(names),
        next_step="name one of these: --function NAME, in Python function=",
    )


def plain_name(name: str) -> str:
    """Return a name that any file may have; whoever made the file chose `name`."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)[:80]


def link_or_copy(source: str, target: str) -> None:
    """Give a file a second name, or copy it where the system has no links; nothing of ours writes into a file."""
    try:
        os.link(source, target, follow_symlinks=True)
    except OSError:
        shutil.copyfile(source, target)


def _alone(message: Any, name: str) -> Any:
    """Return the model with this function alone, called `main` and described as a whole."""
    alone = type(message)()
    alone.CopyFrom(message)
    described = next(each for each in message.description.functions if each.name == name)
    whole = alone.description
    whole.ClearField("functions")
    whole.ClearField("defaultFunctionName")
    for field in ("input", "output", "state"):
        getattr(whole, field).extend(getattr(described, field))
    whole.predictedFeatureName = described.predictedFeatureName
    whole.predictedProbabilitiesName = described.predictedProbabilitiesName
    body = message.mlProgram.functions[name]
    alone.mlProgram.ClearField("functions")
    alone.mlProgram.functions[_ONLY].CopyFrom(body)
    return alone
