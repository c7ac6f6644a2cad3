"""The Core ML models of a `.pte` file, each as a package of its own.

A model takes and gives its values in the order of the method's, so that names which the export made up need not fit.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import SUFFIX, find_package
from mlparity.core.regular_files import SMALL, read_regular
from mlparity.core.writing import write_whole
from mlparity.engine.mil.spec import parse_spec
from mlparity.targets.coreml.executorch.folders import unfold
from mlparity.targets.coreml.executorch.program import Delegated, Method, PteProgram, read_pte
from mlparity.targets.coreml.executorch.tables import WRONG
from mlparity.targets.coreml.functions import plain_name, take_function, unknown_function
from mlparity.targets.target import TakenOut

BACKEND = "CoreMLBackend"

_USUAL = "forward"
_REFERENCE = b"CMJR"
"""What begins the data of a delegate whose model has methods beside its own, and lies elsewhere in the file."""


@dataclass(frozen=True, slots=True)
class _Model:
    """A Core ML model of a file: its name there, its method, its call, and what the method runs beside it."""

    name: str
    method: Method
    call: Delegated
    beside: tuple[str, ...]


def take_model(path: Path, function: str, folder: Path) -> TakenOut:
    """Write the model `function` of the `.pte` file at `path` into `folder`.

    A method is a function. Where it calls several Core ML models, these are METHOD/0, METHOD/1 and so on. Without a
    name it is the only model, or the method `forward`.

    Raises:
        FormatError: the file cannot be read, holds no Core ML model, or none of that name.
    """
    program = read_pte(path)
    models = {model.name: model for method in program.methods for model in _models_of(method)}
    if not models:
        raise _no_model(path, program)
    name = function if function else _default(tuple(models))
    if name not in models:
        raise unknown_function(path, name, tuple(models)) if name else _several(path, tuple(models))
    chosen = models[name]
    try:
        package = _written(path, program, chosen, folder)
    except WRONG as error:
        raise _unreadable(path, name, error) from error
    others = tuple(each for each in models if each != name)
    return TakenOut(package, name, others, chosen.beside)


def _models_of(method: Method) -> list[_Model]:
    ours = [call for call in method.delegated if call.backend == BACKEND]
    others = tuple(call.backend for call in method.delegated if call.backend != BACKEND)
    if len(ours) == 1:
        return [_Model(method.name, method, ours[0], (*method.ops, *others))]
    named = [f"{method.name}/{index}" for index in range(len(ours))]
    return [
        _Model(name, method, call, (*(each for each in named if each != name), *method.ops, *others))
        for name, call in zip(named, ours, strict=True)
    ]


def _default(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return _USUAL if _USUAL in names else ""


def _written(path: Path, program: PteProgram, model: _Model, folder: Path) -> Path:
    with tempfile.TemporaryDirectory(prefix="unfolded-", dir=folder) as made:
        unfolded, function, data = Path(made), "", model.call.data
        if data.startswith(_REFERENCE):
            reference = json.loads(data[len(_REFERENCE) :])
            function, data = str(reference["functionName"]), program.named[reference["key"]]
        unfold(data, unfolded)
        inner = _package_in(unfolded)
        named = inner.with_name(f"{path.stem}_{plain_name(model.name)}{SUFFIX}")
        inner.rename(named)
        taken = take_function(named, function, unfolded / "function").path
        _put_in_order(taken, model, _names_in(unfolded, function))
        return taken.rename(folder / named.name)


def _package_in(folder: Path) -> Path:
    found = [path for path in folder.iterdir() if path.suffix == SUFFIX]
    if len(found) != 1:
        names = sorted(path.name for path in folder.iterdir())
        raise ValueError(f"no .mlpackage among {', '.join(names)}: a model that a Mac compiled cannot be read")
    return found[0]


def _names_in(folder: Path, function: str) -> Mapping[str, Sequence[str]]:
    """Return the names of inputs and outputs in the order of the call's values."""
    described = json.loads(read_regular(folder / "metadata.json", limit=SMALL))
    names = described["methods"][function] if function else described
    return {
        "inputs": [str(name) for name in names["inputNames"]],
        "outputs": [str(each) for each in names["outputNames"]],
    }


def _put_in_order(package: Path, model: _Model, names: Mapping[str, Sequence[str]]) -> None:
    """Let the package describe its inputs and outputs in the order of the method's, where it is all that runs."""
    count = len(names["inputs"])
    values = model.call.values
    if len(values) != count + len(names["outputs"]):
        raise ValueError(f"{len(values)} values for {count} inputs and {len(names['outputs'])} outputs")
    taken = dict(zip(names["inputs"], values[:count], strict=True))
    given = dict(zip(names["outputs"], values[count:], strict=True))
    if not model.beside and not set(taken.values()) <= set(model.method.inputs):
        raise ValueError("the model takes values that are no inputs of the method")
    spec = find_package(package).spec
    message = parse_spec(spec)
    _sort(message.description.input, taken, model.method.inputs)
    _sort(message.description.output, given, model.method.outputs)
    write_whole(spec, message.SerializeToString(deterministic=True))


def _sort(features: Any, values: Mapping[str, int], order: Sequence[int]) -> None:
    rank = {value: place for place, value in reversed([*enumerate(order)])}
    kept = sorted(features, key=lambda feature: rank.get(values.get(feature.name, -1), len(order)))
    copies = [type(feature).FromString(feature.SerializeToString()) for feature in kept]
    del features[:]
    features.extend(copies)


def _no_model(path: Path, program: PteProgram) -> FormatError:
    found = {call.backend for method in program.methods for call in method.delegated}
    return FormatError(
        "the file holds no Core ML model",
        where=str(path),
        found=f"delegates: {', '.join(sorted(found))}" if found else "a program without delegates",
        expected=BACKEND,
        next_step="lower the model with ExecuTorch's CoreMLPartitioner",
    )


def _several(path: Path, names: Sequence[str]) -> FormatError:
    return FormatError(
        "the file holds several Core ML models, and none is named",
        where=str(path),
        found=", ".join(names),
        next_step="name one: --function NAME, in Python function=",
    )


def _unreadable(path: Path, name: str, error: BaseException) -> FormatError:
    return FormatError(
        f"the Core ML model {name!r} of the file cannot be read",
        where=str(path),
        found=error.what if isinstance(error, FormatError) else str(error),
        expected="an .mlpackage, as ExecuTorch's Core ML delegate keeps it",
        next_step="export the program again; of a compiled model, with the delegate's model type `model`",
    )
