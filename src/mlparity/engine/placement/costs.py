"""What an op costs on any processor: floating-point operations, and bytes read and written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlparity.engine.mil.program import Function, Op, TensorType
from mlparity.engine.placement.eligibility import is_constant
from mlparity.engine.placement.known import Known, known_of

_BYTES = {"fp16": 2, "fp32": 4, "fp64": 8, "int64": 8, "uint64": 8, "int32": 4, "uint32": 4, "int16": 2, "uint16": 2}


@dataclass(frozen=True, slots=True)
class Cost:
    """One op's work: a multiply and an add are two operations; `bytes` counts operands and results once each."""

    op: Op
    flops: float
    bytes: float


def costs_of(function: Function, *, widened: bool = False) -> tuple[Cost, ...] | None:
    """Return the cost of each op of the body, constants left out, in order; None where a shape is not known.

    Ops of nested blocks count once, whatever the number of their turns. Nothing is fused, and nothing stays in a
    cache between two ops, so that bytes are an upper bound.
    """
    held = known_of(function)
    widths = {**_BYTES, "fp16": _BYTES["fp32"]} if widened else _BYTES
    costs = [_cost(op, held, widths) for op in function.walk() if not is_constant(op) and not op.blocks]
    known = tuple(cost for cost in costs if cost is not None)
    return known if len(known) == len(costs) else None


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The shapes of an op's operands by parameter, and of its first result."""

    op: Op
    inputs: Mapping[str, tuple[tuple[int, ...], ...]]
    output: tuple[int, ...]
    held: Known

    def shape(self, parameter: str) -> tuple[int, ...]:
        return self.inputs[parameter][0] if self.inputs.get(parameter) else ()

    def flag(self, parameter: str) -> bool:
        found = self.held.numbers(self.op, parameter)
        return found is not None and bool(found.reshape(-1)[0])


def _cost(op: Op, held: Known, widths: Mapping[str, int]) -> Cost | None:
    inputs: dict[str, tuple[tuple[int, ...], ...]] = {}
    moved = 0.0
    for name, arguments in op.inputs.items():
        shapes = []
        for argument in arguments:
            kind = held.tensor(argument)
            if kind is None:
                continue
            shape = _known(kind)
            if shape is None:
                return None
            shapes.append(shape)
            moved += math.prod(shape) * widths.get(kind.dtype, 1)
        inputs[name] = tuple(shapes)
    outputs = [output.type for output in op.outputs if isinstance(output.type, TensorType)]
    results = [_known(kind) for kind in outputs]
    if not results or any(result is None for result in results):
        return None
    moved += sum(
        math.prod(shape) * widths.get(kind.dtype, 1) for kind, shape in zip(outputs, results, strict=True) if shape
    )
    sizes = _Sizes(op, inputs, results[0] if results[0] is not None else (), held)
    return Cost(op, float(_FLOPS.get(op.type, _one_each)(sizes)), moved)


def _one_each(sizes: _Sizes) -> int:
    return math.prod(sizes.output)


def _conv(sizes: _Sizes) -> int:
    return 2 * math.prod(sizes.output) * math.prod(sizes.shape("weight")[1:])


def _conv_transpose(sizes: _Sizes) -> int:
    return 2 * math.prod(sizes.shape("x")) * math.prod(sizes.shape("weight")[1:])


def _linear(sizes: _Sizes) -> int:
    return 2 * math.prod(sizes.output) * sizes.shape("weight")[-1]


def _matmul(sizes: _Sizes) -> int:
    x = sizes.shape("x")
    inner = x[-2] if sizes.flag("transpose_x") and len(x) > 1 else x[-1]
    return 2 * math.prod(sizes.output) * inner


def _recurrent(sizes: _Sizes) -> int:
    """Every step multiplies both weights; x is (steps, batch, features)."""
    steps = math.prod(sizes.shape("x")[:2])
    weights = [name for name in sizes.inputs if name.startswith("weight")]
    return 2 * steps * sum(math.prod(sizes.shape(name)) for name in weights)


def _attention(sizes: _Sizes) -> int:
    """Scores and their mean over values; query (..., L, E), key (..., S, E)."""
    return 4 * math.prod(sizes.shape("query")) * sizes.shape("key")[-2]


_FLOPS: Mapping[str, Callable[[_Sizes], int]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "matmul": _matmul,
    "lstm": _recurrent,
    "gru": _recurrent,
    "rnn": _recurrent,
    "scaled_dot_product_attention": _attention,
}


def _known(kind: TensorType) -> tuple[int, ...] | None:
    if kind.shape is None:
        return None
    sizes = tuple(size for size in kind.shape if size is not None)
    return sizes if len(sizes) == len(kind.shape) else None
