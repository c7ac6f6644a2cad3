"""The specification of an ML Program to a frozen, checked `Program`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlparity.core.mlpackage import Package
from mlparity.engine.mil.check import check_function
from mlparity.engine.mil.interface import read_interface
from mlparity.engine.mil.load_constraints import check_loads
from mlparity.engine.mil.program import Argument, Block, Function, Name, NamedType, Op, Program
from mlparity.engine.mil.values import ValueReader

OPSETS = {"CoreML5": 15, "CoreML6": 16, "CoreML7": 17, "CoreML8": 18, "CoreML9": 26}
"""A function's opset to the iOS release. Source: coremltools 9.0, `coremltools/__init__.py` (`_OPSET`)."""

_MAX_BLOCK_NESTING = 64


def program_of(path: Path, package: Package, message: Any) -> Program:
    """Return the program in a `Model` message of the type `mlProgram`, read from `package` at `path`.

    Raises:
        FormatError: a corrupt spec or weight file, an unknown opset, or what Core ML refuses to load.
    """
    reader = ValueReader(package, {})
    functions = {
        name: _function(reader, name, function) for name, function in sorted(message.mlProgram.functions.items())
    }
    if not functions:
        raise reader.fault("no function")
    return _checked(path, message, functions, reader)


def _checked(path: Path, message: Any, functions: dict[str, Function], reader: ValueReader) -> Program:
    description = message.description
    interfaces = {function.name: read_interface(function) for function in description.functions}
    default = description.defaultFunctionName or ("main" if "main" in functions else min(functions))
    interfaces.setdefault(default, read_interface(description))
    missing = sorted(set(interfaces) - set(functions))
    if missing:
        raise reader.fault(f"the description names the function {missing[0]!r}, which the program lacks")
    for function in functions.values():
        check_function(function, reader.fault)
    metadata = dict(description.metadata.userDefined)
    program = Program(
        path, message.specificationVersion, functions, interfaces, default, metadata, tuple(reader.files.values())
    )
    check_loads(program)
    return program


def _function(reader: ValueReader, name: str, message: Any) -> Function:
    opset = OPSETS.get(message.opset)
    if opset is None:
        raise reader.fault(f"the function {name!r} has the unknown opset {message.opset!r}")
    body = message.block_specializations.get(message.opset)
    if body is None:
        raise reader.fault(f"the function {name!r} has no block for its opset {message.opset!r}")
    return Function(name, _named_types(reader, message.inputs), opset, _block(reader, body, 0))


def _named_types(reader: ValueReader, messages: Any) -> tuple[NamedType, ...]:
    return tuple(NamedType(named.name, reader.type(named.type)) for named in messages)


def _block(reader: ValueReader, message: Any, depth: int) -> Block:
    if depth > _MAX_BLOCK_NESTING:
        raise reader.fault(f"blocks nested more than {_MAX_BLOCK_NESTING} deep")
    ops = tuple(_op(reader, op, depth) for op in message.operations)
    return Block(_named_types(reader, message.inputs), ops, tuple(message.outputs))


def _op(reader: ValueReader, message: Any, depth: int) -> Op:
    outputs = _named_types(reader, message.outputs)
    attributes = {key: reader.value(value) for key, value in sorted(message.attributes.items())}
    label = attributes["name"].data if "name" in attributes else ""
    inputs = {key: _arguments(reader, value) for key, value in sorted(message.inputs.items())}
    if message.type.startswith("constexpr_"):
        # The iOS16 forms keep their parameters as attributes.
        inputs |= {key: (value,) for key, value in attributes.items() if key != "name"}
    return Op(
        type=message.type,
        inputs=inputs,
        outputs=outputs,
        location=label if isinstance(label, str) and label else (outputs[0].name if outputs else message.type),
        blocks=tuple(_block(reader, block, depth + 1) for block in message.blocks),
        attributes=attributes,
    )


def _arguments(reader: ValueReader, message: Any) -> tuple[Argument, ...]:
    return tuple(
        Name(argument.name) if argument.WhichOneof("binding") == "name" else reader.value(argument.value)
        for argument in message.arguments
    )
