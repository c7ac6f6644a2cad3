"""Types and constants of a spec to frozen records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import Package
from mlparity.engine.mil.dtypes import BY_NAME, BY_NUMBER, ScalarType, unpack
from mlparity.engine.mil.program import Data, OtherType, TensorType, Value, ValueType
from mlparity.engine.mil.weights import WeightFile

_TYPED_FIELDS = {"floats": np.float32, "ints": np.int32, "bools": np.bool_, "longInts": np.int64, "doubles": np.float64}
_MAX_NESTING = 32
_MAX_ELEMENTS = 2**40


@dataclass(frozen=True, slots=True)
class ValueReader:
    """Reads the types and constants of one package; weight files are opened once."""

    package: Package
    files: dict[str, WeightFile]

    def type(self, message: Any, depth: int = 0) -> ValueType:
        """Return the record of a `ValueType` message."""
        kind = message.WhichOneof("type")
        if kind == "tensorType":
            return self._tensor_type(message.tensorType)
        if depth > _MAX_NESTING:
            raise self.fault("types nested more than 32 deep")
        inner: Any = getattr(message, kind) if kind else None
        if kind == "listType":
            return OtherType("list", (self.type(inner.type, depth + 1),))
        if kind == "stateType":
            return OtherType("state", (self.type(inner.wrappedType, depth + 1),))
        if kind == "tupleType":
            return OtherType("tuple", tuple(self.type(part, depth + 1) for part in inner.types))
        if kind == "dictionaryType":
            return OtherType("dictionary", (self.type(inner.keyType, depth + 1), self.type(inner.valueType, depth + 1)))
        raise self.fault("a value without a type")

    def _tensor_type(self, message: Any) -> TensorType:
        scalar = BY_NUMBER.get(message.dataType)
        if scalar is None:
            raise self.fault(f"a tensor of the unknown type number {message.dataType}")
        if message.rank < 0:
            return TensorType(scalar.name, None)
        sizes = tuple(d.constant.size if d.WhichOneof("dimension") == "constant" else None for d in message.dimensions)
        if len(sizes) != message.rank:
            raise self.fault(f"a tensor of rank {message.rank} with {len(sizes)} dimensions")
        if math.prod(size for size in sizes if size) > _MAX_ELEMENTS:
            raise self.fault(f"a tensor of shape {sizes}, more elements than any machine holds")
        return TensorType(scalar.name, sizes)

    def value(self, message: Any) -> Value:
        """Return the record of a `Value` message; an array in the weight file stays there."""
        kind = message.WhichOneof("value")
        mil_type = self.type(message.type)
        if kind == "immediateValue":
            return Value(mil_type, self._immediate(message.immediateValue, mil_type))
        if kind == "blobFileValue" and isinstance(mil_type, TensorType):
            return Value(mil_type, self._blob(message.blobFileValue, mil_type))
        raise self.fault("a constant without a value")

    def _immediate(self, message: Any, mil_type: ValueType) -> Data:
        kind = message.WhichOneof("value")
        if kind == "tensor" and isinstance(mil_type, TensorType):
            return self._tensor(message.tensor, mil_type)
        if kind in ("list", "tuple"):
            return tuple(self.value(part).data for part in getattr(message, kind).values)
        if kind == "dictionary":
            return {_key(self.value(pair.key).data): self.value(pair.value).data for pair in message.dictionary.values}
        raise self.fault(f"a constant of type {mil_type} with a value of kind {kind}")

    def _tensor(self, message: Any, mil_type: TensorType) -> Data:
        scalar, (shape, count) = BY_NAME[mil_type.dtype], self._extent(mil_type)
        kind = message.WhichOneof("value")
        if kind == "strings" or scalar.name == "string":
            return self._strings(message.strings.values, shape)
        if kind == "bytes":
            flat = self._from_bytes(np.frombuffer(message.bytes.values, np.uint8), scalar, count)
        elif kind in _TYPED_FIELDS:
            flat = np.asarray(getattr(message, kind).values, _TYPED_FIELDS[kind]).astype(scalar.holder)
        else:
            flat = np.empty(0, scalar.holder)
        if flat.size != count:
            raise self.fault(f"a constant of type {mil_type} with {flat.size} values")
        flat.flags.writeable = False
        return flat.reshape(shape)

    def _strings(self, values: Any, shape: tuple[int, ...]) -> Data:
        if shape == () and len(values) == 1:
            return str(values[0])
        return tuple(str(text) for text in values)

    def _from_bytes(self, raw: np.ndarray, scalar: ScalarType, count: int) -> np.ndarray:
        needed = (count * scalar.bits + 7) // 8
        if raw.size != needed:
            raise self.fault(f"a constant of {count} values of {scalar.name} in {raw.size} bytes")
        return unpack(raw, scalar, count) if scalar.is_packed else raw.view(scalar.holder)

    def _blob(self, message: Any, mil_type: TensorType) -> np.ndarray:
        shape, count = self._extent(mil_type)
        name = message.fileName
        if name not in self.files:
            self.files[name] = WeightFile(self.package.resolve(name))
        return self.files[name].read(message.offset, BY_NAME[mil_type.dtype], count).reshape(shape)

    def _extent(self, mil_type: TensorType) -> tuple[tuple[int, ...], int]:
        shape = tuple(-1 if size is None else size for size in mil_type.shape) if mil_type.shape is not None else (-1,)
        if min(shape, default=0) < 0:
            raise self.fault(f"a constant of the open type {mil_type}")
        return shape, math.prod(shape)

    def fault(self, found: str) -> FormatError:
        """Return the error for a spec that contradicts itself."""
        return FormatError(
            "the model's spec contradicts itself",
            where=str(self.package.spec),
            found=found,
            expected="a program that coremltools wrote",
            next_step="the file is corrupt, or of a tool that writes other programs: convert again",
        )


def _key(data: Data) -> object:
    return data.item() if isinstance(data, np.ndarray) and data.ndim == 0 else data
