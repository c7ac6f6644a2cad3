"""Compiled models as Core ML's compiler writes them, in both of its dialects, made here from a package.

There is no such compiler but on macOS. The form is that of programs that it printed, as they are quoted in public.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.core.mlpackage import find_package
from mlparity.engine.mil.dtypes import BY_NAME, BY_NUMBER
from mlparity.engine.mil.reader import OPSETS
from mlparity.engine.mil.spec import parse_spec

HEADS = {
    "1.0": 'program(1.0)\n[buildInfo = dict<tensor<string, []>, tensor<string, []>>({{"coremlc", "3404"}})]',
    "1.3": 'program(1.3)\n[buildInfo = dict<string, string>({{"coremlc-version", "3500.32.1"}})]',
}
_WORDS = {65552: "Float16", 65568: "Float32", 131104: "Int32"}


class Printer:
    """Writes a program as text in one dialect."""

    def __init__(self, dialect: str) -> None:
        self.plain = dialect == "1.3"
        self.dialect = dialect

    def type(self, kind: Any) -> str:
        if kind.WhichOneof("type") == "stateType":
            return f"state<{self.type(kind.stateType.wrappedType)}>"
        tensor = kind.tensorType
        name = BY_NUMBER[tensor.dataType].name
        if self.plain and tensor.rank == 0:
            return name
        sizes = ", ".join(
            str(each.constant.size) if each.WhichOneof("dimension") == "constant" else "?" for each in tensor.dimensions
        )
        return f"tensor<{name}, [{sizes}]>"

    def _scalar(self, kind: str, text: str) -> str:
        return f"{kind}({text})" if self.plain else f"tensor<{kind}, []>({text})"

    def value(self, value: Any) -> str:
        if value.WhichOneof("value") == "blobFileValue":
            blob = value.blobFileValue
            path, offset = self._scalar("string", json.dumps(blob.fileName)), self._scalar("uint64", str(blob.offset))
            return f"{self.type(value.type)}(BLOBFILE(path = {path}, offset = {offset}))"
        tensor, kind = value.immediateValue.tensor, value.type.tensorType
        values = [_word(each) for each in _values(tensor, BY_NUMBER[kind.dataType].name)]
        inner = values[0] if kind.rank == 0 else f"[{', '.join(values)}]"
        return f"{self.type(value.type)}({inner})"

    def op(self, op: Any) -> str:
        outputs = ", ".join(f"{self.type(each.type)} {each.name}" for each in op.outputs)
        arguments = ", ".join(
            f"{name} = {self._bindings(argument.arguments)}" for name, argument in sorted(op.inputs.items())
        )
        attributes = ", ".join(f"{name} = {self.value(value)}" for name, value in sorted(op.attributes.items()))
        head = f"{outputs} = " if outputs else ""
        return f"            {head}{op.type}({arguments})[{attributes}];"

    def _bindings(self, arguments: Any) -> str:
        texts = [each.name if each.WhichOneof("binding") == "name" else self.value(each.value) for each in arguments]
        return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"

    def program(self, program: Any) -> str:
        lines = [HEADS[self.dialect], "{"]
        for name, function in program.functions.items():
            block = function.block_specializations[function.opset]
            inputs = ", ".join(f"{self.type(each.type)} {each.name}" for each in function.inputs)
            lines.append(f"    func {name}<ios{OPSETS[function.opset]}>({inputs}) {{")
            lines += [self.op(op) for op in block.operations]
            lines.append(f"        }} -> ({', '.join(block.outputs)});")
        return "\n".join([*lines, "}", ""])


def _values(tensor: Any, name: str) -> list[object]:
    kind = tensor.WhichOneof("value")
    if kind == "bytes":
        return list(np.frombuffer(tensor.bytes.values, BY_NAME[name].holder))
    return list(getattr(tensor, kind).values)


def _word(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | np.floating):
        text = float(value).hex()
        return text.replace(".0000000000000p", "p")
    return str(value)


def _schema(features: Any) -> list[dict[str, str]]:
    found = []
    for feature in features:
        array = feature.type.multiArrayType
        about = {"name": feature.name, "type": "MultiArray", "isOptional": "0", "dataType": _WORDS[array.dataType]}
        about["shape"] = json.dumps(list(array.shape))
        ranges = [[each.lowerBound, each.upperBound] for each in array.shapeRange.sizeRanges]
        choices = [list(each.shape) for each in array.enumeratedShapes.shapes]
        about |= {"shapeRange": json.dumps(ranges)} if ranges else {}
        about |= {"enumeratedShapes": json.dumps(choices)} if choices else {}
        found.append(about)
    return found


def compiled(package: Path, folder: Path, dialect: str, about: Mapping[str, object] | None = None) -> Path:
    """Return a new folder `.mlmodelc` of a package's program; `about` is put over what its metadata.json says."""
    path = folder / package.with_suffix(".mlmodelc").name
    path.mkdir(parents=True)
    spec = find_package(package).spec
    message = parse_spec(spec)
    (path / "model.mil").write_text(Printer(dialect).program(message.mlProgram))
    description = message.description
    known = {"inputSchema": _schema(description.input), "outputSchema": _schema(description.output)}
    (path / "metadata.json").write_text(json.dumps([known | dict(about or {})]))
    (path / "coremldata.bin").write_bytes(b"\0" * 64)
    if (spec.parent / "weights").is_dir():
        shutil.copytree(spec.parent / "weights", path / "weights")
    return path
