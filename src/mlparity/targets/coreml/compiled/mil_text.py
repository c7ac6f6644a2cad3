"""The text of a compiled ML Program to coremltools' messages, which the engine reads.

Source of the form: programs that Core ML's compiler printed, quoted in public (`program(1.0)`, where a scalar is
written `tensor<fp16, []>(0x1p+0)`, and `program(1.3)`, where it is `fp16(0x1p+0)`); no document of Apple's has it.
Blocks inside of ops (`cond`, `while_loop`) are not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlparity.engine.mil.dtypes import BY_NAME
from mlparity.engine.mil.reader import OPSETS
from mlparity.engine.mil.spec import proto
from mlparity.targets.coreml.compiled.tokens import Words, number_in, text_in, tokens_of

_BY_RELEASE = {f"ios{release}": name for name, release in OPSETS.items()}
_WRAPPING = ("state",)
_MAX_NESTING = 64
_FIELDS = {"fp32": "floats", "int32": "ints", "bool": "bools", "int64": "longInts", "fp64": "doubles"}


def program_in(text: str) -> Any:
    """Return the `Program` message that a MIL text stands for.

    Raises:
        ValueError: it is no such text, or has what is not read.
    """
    return _Reader(Words(list(tokens_of(text)))).program()


class _Reader:
    def __init__(self, words: Words) -> None:
        self.words = words
        self.mil = proto("MIL")

    def program(self) -> Any:
        words, program = self.words, self.mil.Program(version=1)
        words.take("program")
        words.take("(")
        words.take_kind("number")
        words.take(")")
        self._skip_attributes()
        words.take("{")
        while not words.taken("}"):
            name, function = self._function()
            if name in program.functions:
                raise ValueError(f"two functions {name}")
            program.functions[name].CopyFrom(function)
        return program

    def _function(self) -> tuple[str, Any]:
        words, function = self.words, self.mil.Function()
        words.take("func")
        name = words.take_kind("name")
        words.take("<")
        opset = _BY_RELEASE.get(words.take_kind("name"))
        words.take(">")
        if opset is None:
            raise ValueError(f"an unknown opset of {name}")
        function.opset = opset
        self._listed("(", ")", lambda: self._named_type(function.inputs.add()))
        self._skip_attributes()
        block = function.block_specializations[opset]
        words.take("{")
        while not words.taken("}"):
            self._op(block.operations.add())
        words.take("->")
        self._listed("(", ")", lambda: block.outputs.append(words.take_kind("name")))
        words.take(";")
        return name, function

    def _op(self, op: Any) -> None:
        words = self.words
        if words.after_next != "(":
            self._named_type(op.outputs.add())
            while words.taken(","):
                self._named_type(op.outputs.add())
            words.take("=")
        op.type = words.take_kind("name")
        self._listed("(", ")", lambda: self._argument(op))
        if words.next == "[":
            self._listed("[", "]", lambda: self._attribute(op))
        if words.next == "(":
            raise ValueError(f"the op {op.type} has blocks inside, which are not read")
        words.take(";")

    def _named_type(self, named: Any) -> None:
        self._type(named.type)
        named.name = self.words.take_kind("name")

    def _argument(self, op: Any) -> None:
        words = self.words
        argument = op.inputs[words.take_kind("name")]
        words.take("=")
        if words.next == "(":
            self._listed("(", ")", lambda: self._binding(argument.arguments.add()))
        else:
            self._binding(argument.arguments.add())

    def _binding(self, binding: Any) -> None:
        if self.words.after_next in ("<", "("):
            self._value(binding.value)
        else:
            binding.name = self.words.take_kind("name")

    def _attribute(self, op: Any) -> None:
        value = op.attributes[self.words.take_kind("name")]
        self.words.take("=")
        self._value(value)

    def _type(self, message: Any, depth: int = 0) -> None:
        words, kind = self.words, self.words.take_kind("name")
        if kind in _WRAPPING and depth < _MAX_NESTING:
            words.take("<")
            self._type(message.stateType.wrappedType, depth + 1)
            words.take(">")
            return
        tensor = message.tensorType
        if kind != "tensor":
            self._scalar(tensor, kind)
            return
        words.take("<")
        self._scalar(tensor, words.take_kind("name"))
        words.take(",")
        self._listed("[", "]", lambda: self._dimension(tensor.dimensions.add()))
        tensor.rank = len(tensor.dimensions)
        words.take(">")

    def _scalar(self, tensor: Any, name: str) -> None:
        if name not in BY_NAME:
            raise ValueError(f"the type {name} is not read")
        tensor.dataType = BY_NAME[name].number

    def _dimension(self, dimension: Any) -> None:
        if self.words.taken("?"):
            dimension.unknown.variadic = False
        else:
            dimension.constant.size = int(self.words.take_kind("number"))

    def _value(self, value: Any) -> None:
        """Read a constant: its type, and in brackets its values or where they are."""
        words = self.words
        self._type(value.type)
        tensor = value.type.tensorType
        words.take("(")
        if words.taken("BLOBFILE"):
            self._place(value.blobFileValue)
        else:
            name = next(name for name, row in BY_NAME.items() if row.number == tensor.dataType)
            shape = tuple(each.constant.size for each in tensor.dimensions)
            _fill(value.immediateValue.tensor, self._literals(), name, shape)
        words.take(")")

    def _place(self, blob: Any) -> None:
        found: dict[str, Any] = {}

        def part() -> None:
            name = self.words.take("path", "offset")
            self.words.take("=")
            value = self.mil.Value()
            self._value(value)
            found[name] = value.immediateValue.tensor

        self._listed("(", ")", part)
        blob.fileName = found["path"].strings.values[0]
        blob.offset = int(np.frombuffer(found["offset"].bytes.values, np.uint64)[0])

    def _literals(self) -> list[object]:
        """Return the values of a constant in a row; brackets only show its shape, which its type has."""
        words, found = self.words, list[object]()
        while words.next != ")":
            word = words.next
            if words.is_text():
                found.append(text_in(words.take()))
            elif word in ("true", "false"):
                found.append(words.take() == "true")
            elif word in ("[", "]", ","):
                words.take()
            else:
                found.append(number_in(words.take_kind("number", "name")))
        return found

    def _listed(self, opening: str, closing: str, read: Callable[[], object]) -> None:
        words = self.words
        words.take(opening)
        while not words.taken(closing):
            read()
            if words.next != closing:
                words.take(",")

    def _skip_attributes(self) -> None:
        """Go on behind what the compiler says of itself and of shapes, which stands in brackets."""
        depth = 0
        while self.words.next == "[" or depth:
            word = self.words.take()
            depth += (word == "[") - (word == "]")


def _fill(tensor: Any, values: list[object], name: str, shape: tuple[int, ...]) -> None:
    if name == "string":
        tensor.strings.values.extend(str(each) for each in values)
        return
    row = BY_NAME[name]
    if row.is_packed:
        raise ValueError(f"constants of {name} in a text are not read")
    array = np.array(values).astype(row.holder)
    if array.size != np.prod(shape, dtype=np.int64):
        raise ValueError(f"{array.size} values of shape {shape}")
    if name in _FIELDS:
        getattr(tensor, _FIELDS[name]).values.extend(array.tolist())
    else:
        tensor.bytes.values = array.tobytes()


def weight_files_of(program: Any) -> tuple[str, ...]:
    """Return the names of the weight files of a program, each once."""
    values = (
        value
        for function in program.functions.values()
        for block in function.block_specializations.values()
        for op in block.operations
        for value in (
            *op.attributes.values(),
            *(each.value for argument in op.inputs.values() for each in argument.arguments),
        )
    )
    blobs = (value.blobFileValue.fileName for value in values if value.WhichOneof("value") == "blobFileValue")
    return tuple(dict.fromkeys(blobs))
