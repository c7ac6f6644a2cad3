"""The frozen form of an ML Program: types, values, ops, blocks, functions and the model's interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mlparity.engine.mil.weights import WeightFile


@dataclass(frozen=True, slots=True)
class TensorType:
    """A tensor's MIL type name ("fp16", "fp32", "int32", "bool", "string", "uint4", ...) and shape.

    A `None` dimension is not known before the run. A 0-rank shape is a scalar. `shape` is None where the rank
    itself is not known.
    """

    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        """Print `fp16[1, 3, ?]`, and a scalar as `fp16`."""
        if self.shape is None:
            return f"{self.dtype}[...]"
        dims = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.dtype}[{dims}]" if self.shape else self.dtype


@dataclass(frozen=True, slots=True)
class OtherType:
    """A type that is not a tensor: "list", "tuple", "dictionary" or "state", and the types within it."""

    kind: str
    elements: tuple[ValueType, ...] = ()

    def __str__(self) -> str:
        """Print `state<fp16[1, 8]>`."""
        return f"{self.kind}<{', '.join(map(str, self.elements))}>"


ValueType = TensorType | OtherType

Data = np.ndarray | tuple["Data", ...] | str | Mapping[object, object]
"""The data of a constant: an array (numbers and booleans), a string, or a tuple or mapping of these."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A constant: its type and its data; an array may be a read-only view of the mapped weight file."""

    type: ValueType
    data: Data


@dataclass(frozen=True, slots=True)
class Name:
    """A reference to an op's output or to an input, by name."""

    name: str


Argument = Name | Value


@dataclass(frozen=True, slots=True)
class NamedType:
    """A name and its type: an input, or an output of an op."""

    name: str
    type: ValueType


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One operation: MIL's op name, its named inputs, its outputs, nested blocks and attributes.

    An input with several arguments is a list in MIL (`values` of `concat`). `location` is how errors and
    reports name the op: its own name, or its first output's.
    """

    type: str
    inputs: Mapping[str, tuple[Argument, ...]]
    outputs: tuple[NamedType, ...]
    location: str
    blocks: tuple[Block, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Ops in order, the block's inputs, and the names that it gives back."""

    inputs: tuple[NamedType, ...]
    ops: tuple[Op, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One function of a program: its inputs, its opset (15 for iOS15, ...) and its body.

    In a function that `is_untyped`, a network's, fp16 says what GPU and Neural Engine hold a value in, and the CPU
    holds it in fp32.
    """

    name: str
    inputs: tuple[NamedType, ...]
    opset: int
    body: Block
    is_untyped: bool = False

    def walk(self) -> Iterator[Op]:
        """Yield every op, nested blocks included, in order."""
        stack = [iter(self.body.ops)]
        while stack:
            op = next(stack[-1], None)
            if op is None:
                stack.pop()
                continue
            yield op
            stack.extend(iter(block.ops) for block in reversed(op.blocks))


@dataclass(frozen=True, slots=True)
class ImageType:
    """An image feature: colour space ("RGB", "BGR", "GRAYSCALE", "GRAYSCALE_FLOAT16"), size in pixels, and axes."""

    color: str
    height: int
    width: int
    rank: int = 4


@dataclass(frozen=True, slots=True)
class Feature:
    """One input, output or state of the model as its description declares it.

    `kind` is the description's own word ("multiArrayType", "imageType", "dictionaryType", "stringType", ...).
    `shape` is the default shape; `sizes` holds (lower, upper) for each dimension where a range is allowed
    (upper -1: no bound), `choices` the enumerated shapes. `default` is an optional input's value. A feature that
    `is_rank5` is described by its channels, or by channels, height and width; it has sequence and batch before them.
    An output that `is_shaped` takes on the described shape where it has as many elements.
    """

    name: str
    kind: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    optional: bool = False
    image: ImageType | None = None
    sizes: tuple[tuple[int, int], ...] = ()
    choices: tuple[tuple[int, ...], ...] = ()
    default: float | None = None
    is_rank5: bool = False
    is_shaped: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """The features of one function, as an app sees them."""

    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    states: tuple[Feature, ...] = ()
    predicted_feature: str = ""
    predicted_probabilities: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A model as functions by name, each one's interface, and where it was read from.

    `kind` is the specification's own word for the form of the model.
    """

    path: Path
    spec_version: int
    functions: Mapping[str, Function]
    interfaces: Mapping[str, Interface]
    default_function: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    weights: tuple[WeightFile, ...] = ()
    kind: str = "mlProgram"
