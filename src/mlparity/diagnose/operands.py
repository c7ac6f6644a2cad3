"""An op with what is known of its operands: the ranges that were seen, and those of its constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from mlparity.diagnose.ranges import Range, Seen, range_of
from mlparity.engine.mil.program import Function, Name, Op, TensorType, Value


@dataclass(frozen=True, slots=True)
class Operands:
    """One op of a function, the ranges by name, and the constants by name."""

    op: Op
    seen: Seen
    constants: Mapping[str, Value]

    @property
    def result(self) -> Range:
        """The range of the first result."""
        return self.seen.get(self.op.outputs[0].name, Range())

    def range(self, parameter: str) -> Range:
        """Return the range of an operand, seen or constant; empty where it is absent or not floating."""
        array = self.constant(parameter)
        if array is not None:
            return _range(array)
        arguments = self.op.inputs.get(parameter, ())
        names = [argument.name for argument in arguments if isinstance(argument, Name)]
        return self.seen.get(names[0], Range()) if names else Range()

    def constant(self, parameter: str) -> np.ndarray | None:
        """Return the array of a constant operand, None where it is made at run time."""
        arguments = self.op.inputs.get(parameter, ())
        if len(arguments) != 1:
            return None
        value = self.constants.get(arguments[0].name) if isinstance(arguments[0], Name) else arguments[0]
        return value.data if value is not None and isinstance(value.data, np.ndarray) else None

    def number(self, parameter: str) -> float | None:
        """Return a constant number."""
        array = self.constant(parameter)
        return None if array is None or array.size != 1 else float(array.reshape(()))


def operands_of(function: Function, seen: Seen) -> tuple[Operands, ...]:
    """Return the fp16-typed ops of the body, in order."""
    body = function.body.ops
    constants = {
        op.outputs[0].name: op.attributes["val"] for op in body if op.type == "const" and "val" in op.attributes
    }
    return tuple(Operands(op, seen, constants) for op in body if op.type != "const" and _is_fp16(op))


def _is_fp16(op: Op) -> bool:
    return any(isinstance(output.type, TensorType) and output.type.dtype == "fp16" for output in op.outputs)


def _range(array: np.ndarray) -> Range:
    if array.dtype.kind != "f" or array.size == 0:
        return Range()
    return range_of(torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)))
