"""A folder `.mlmodelc` that Core ML compiled, as a package: where its program is a text and what it takes is known.

What an app passes in stands in `metadata.json`, as Core ML's compiler writes it, and in the program itself. Scale and
bias of images, labels, and default values stand in `coremldata.bin` alone, whose form only Core ML knows: models that
have them are refused, as are networks, whose layers are in a form of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import SUFFIX
from mlparity.core.quiet import quiet_logs
from mlparity.core.regular_files import LARGE, SMALL, check_members, read_regular
from mlparity.engine.mil.interface import ARRAY_TYPES
from mlparity.engine.mil.reader import OPSETS
from mlparity.engine.mil.spec import proto
from mlparity.targets.coreml.compiled.mil_text import program_in, weight_files_of
from mlparity.targets.coreml.functions import link_or_copy, take_function
from mlparity.targets.target import TakenOut

_TEXT, _ABOUT = "model.mil", "metadata.json"
_WEIGHTS = "@model_path/weights/"
_VERSIONS = {15: 6, 16: 7, 17: 8, 18: 9, 26: 10}
"""The specification version of each opset. Source: coremltools 9.0, `coremltools/__init__.py`."""

_NOT_READ: Mapping[str, str] = {
    "model.espresso.net": "a neural network in the form of Espresso, which only Core ML knows",
    "model0": "a pipeline, whose stages are joined in coremldata.bin",
    "neural_network_optionals": "a neural network in the form of Espresso, which only Core ML knows",
}


def take_compiled(path: Path, function: str, folder: Path) -> TakenOut:
    """Write a compiled model as a package into `folder`, and return the function of it.

    Raises:
        FormatError: it cannot be read; the error says why.
    """
    if (path / "Manifest.json").exists():
        return take_function(path, function, folder)  # a package under another name, as our engine makes it
    check_members(path)
    try:
        program = program_in(_text_of(path))
        made = folder / "compiled" / path.with_suffix(SUFFIX).name
        _write(path, program, _described(program, _about(path)), made)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise _unreadable(path, str(error)) from error
    return take_function(made, function, folder)


def _text_of(path: Path) -> str:
    for name, why in _NOT_READ.items():
        if (path / name).exists():
            raise ValueError(why)
    if not (path / _TEXT).is_file():
        raise ValueError("no model.mil in the folder")
    return read_regular(path / _TEXT, limit=LARGE).decode()


def _about(path: Path) -> Mapping[str, Any]:
    if not (path / _ABOUT).is_file():
        raise ValueError("no metadata.json in the folder, which says what the model takes")
    found = json.loads(read_regular(path / _ABOUT, limit=SMALL))
    return dict(found[0] if isinstance(found, list) else found)


def _described(program: Any, about: Mapping[str, Any]) -> Any:
    """Return the model with its description, from the program's types and the compiler's own words."""
    opsets = [OPSETS[function.opset] for function in program.functions.values()]
    model = proto("Model").Model(specificationVersion=_VERSIONS[max(opsets)])
    model.mlProgram.CopyFrom(program)
    if list(program.functions) != ["main"]:
        raise ValueError(f"the functions {', '.join(program.functions)}: one, main, can be read from a compiled model")
    function = program.functions["main"]
    block = function.block_specializations[function.opset]
    types = {each.name: each.type for op in block.operations for each in op.outputs}
    given = {each.name: each.type for each in function.inputs}
    _features(model.description.input, about["inputSchema"], given)
    _features(model.description.output, about["outputSchema"], types | given)
    for name, kind in given.items():
        if kind.WhichOneof("type") == "stateType":
            _state(model.description.state.add(), name, kind.stateType.wrappedType.tensorType)
    if [each.name for each in model.description.output] != list(block.outputs):
        raise ValueError("metadata.json names other outputs than the program")
    return model


def _features(features: Any, schema: Sequence[Mapping[str, str]], types: Mapping[str, Any]) -> None:
    for about in schema:
        name, kind = about["name"], about["type"]
        if kind == "State":
            continue
        if kind != "MultiArray" or about.get("isOptional", "0") not in ("0", 0, False):
            what = "a default value" if kind == "MultiArray" else f"the type {kind}"
            raise ValueError(f"{name} has {what}, and what belongs to that stands in coremldata.bin")
        feature = features.add(name=name)
        array = feature.type.multiArrayType
        array.dataType = _ARRAYS[about["dataType"]]
        array.shape.extend(_sizes(about.get("shape", "[]")))
        for low, high in json.loads(about.get("shapeRange", "[]")):
            array.shapeRange.sizeRanges.add(lowerBound=low, upperBound=high)
        for sizes in json.loads(about.get("enumeratedShapes", "[]")):
            array.enumeratedShapes.shapes.add(shape=sizes)
        _check(name, array, types[name].tensorType)


_ARRAYS = {"Float16": 65552, "Float32": 65568, "Double": 65600, "Int32": 131104, "Int8": 131080}
"""metadata.json's words for the types of arrays."""


def _sizes(text: str) -> list[int]:
    return [int(size) for size in json.loads(text)]


def _check(name: str, array: Any, tensor: Any) -> None:
    """Check that what the compiler says of a feature fits its type in the program."""
    is_open = any(each.WhichOneof("dimension") != "constant" for each in tensor.dimensions)
    is_flexible = bool(array.shapeRange.sizeRanges) or bool(array.enumeratedShapes.shapes)
    sizes = [each.constant.size for each in tensor.dimensions]
    if array.shape and not is_open and not is_flexible and list(array.shape) != sizes:
        raise ValueError(f"{name} has the shape {list(array.shape)} in metadata.json and {sizes} in the program")


def _state(feature: Any, name: str, tensor: Any) -> None:
    feature.name = name
    array = feature.type.stateType.arrayType
    array.dataType = next(number for number, kind in ARRAY_TYPES.items() if kind == "fp16")
    array.shape.extend(each.constant.size for each in tensor.dimensions)


def _write(path: Path, program: Any, model: Any, made: Path) -> None:
    """Write a package with the program's weights, which lie in the compiled folder as in a package."""
    with quiet_logs():
        from coremltools.libmodelpackage import ModelPackage  # type: ignore[import-not-found, unused-ignore]
    spec, weights = made.with_name("model.mlmodel"), made.with_name("weights")
    made.parent.mkdir()
    weights.mkdir()
    spec.write_bytes(model.SerializeToString(deterministic=True))
    for name in weight_files_of(program):
        file = path / "weights" / name.removeprefix(_WEIGHTS)
        if not name.startswith(_WEIGHTS) or file.parent != path / "weights" or not file.is_file():
            raise ValueError(f"no weight file {name}")
        link_or_copy(str(file), str(weights / file.name))
    package = ModelPackage(str(made))
    package.setRootModel(str(spec), "model.mlmodel", "com.apple.CoreML", "CoreML Model Specification")
    package.addItem(str(weights), "weights", "com.apple.CoreML", "CoreML Model Weights")


def _unreadable(path: Path, found: str) -> FormatError:
    return FormatError(
        "a model that Core ML has compiled cannot be read",
        where=str(path),
        found=found,
        expected="an ML Program in model.mil, with inputs and outputs that are arrays",
        next_step="use the .mlpackage or .mlmodel that it was compiled from",
    )
