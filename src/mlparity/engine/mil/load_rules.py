"""The rules that the table of load constraints names: each looks at one op and says what is wrong, or nothing.

What is not known before a run, because a size is open or a value is computed, is never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

import numpy as np

from mlparity.engine.mil.program import Argument, Function, Name, Op, OtherType, Program, TensorType, Value, ValueType

Names = tuple[str, ...]

_MOST_NUMBERS = 1 << 16


@dataclass(frozen=True, slots=True)
class Call:
    """One op where it stands: the types and the constants of the names before it, and which depend on inputs."""

    op: Op
    opset: int
    named_types: Mapping[str, ValueType]
    constants: Mapping[str, Value]
    computed: Set[str]

    def tensors(self, *names: str) -> list[TensorType]:
        """Return the types of the tensors that are given as these inputs, in order."""
        types = [self._type(argument) for name in names for argument in self.op.inputs.get(name, ())]
        return [argument for argument in types if isinstance(argument, TensorType) and argument.shape is not None]

    def shape(self, name: str) -> tuple[int | None, ...] | None:
        """Return the shape of the one tensor that is given as `name`."""
        types = self.tensors(name)
        return types[0].shape if len(types) == 1 else None

    def is_given(self, name: str) -> bool:
        """Whether the op has this input."""
        return name in self.op.inputs

    def array(self, name: str) -> np.ndarray | None:
        """Return the constant that is given as `name`, numbers or truth values, or None."""
        data = self._data(name)
        return data if isinstance(data, np.ndarray) else None

    def numbers(self, name: str) -> list[float] | None:
        """Return the elements of such a constant, unless they are too many to be parameters."""
        array = self.array(name)
        return None if array is None or array.size > _MOST_NUMBERS else [number.item() for number in np.ravel(array)]

    def number(self, name: str, default: float) -> float | None:
        """Return a constant that is one number, `default` where it is not given, None where it is computed."""
        if not self.is_given(name):
            return default
        numbers = self.numbers(name)
        return numbers[0] if numbers is not None and len(numbers) == 1 else None

    def word(self, name: str) -> str:
        """Return a constant word in lower case; empty where there is none."""
        data = self._data(name)
        return data.lower() if isinstance(data, str) else ""

    def _data(self, name: str) -> object:
        arguments = self.op.inputs.get(name, ())
        if len(arguments) != 1:
            return None
        (given,) = arguments
        value = self.constants.get(given.name) if isinstance(given, Name) else given
        return None if value is None else value.data

    def _type(self, argument: Argument) -> ValueType | None:
        return self.named_types.get(argument.name) if isinstance(argument, Name) else argument.type


def _rank(call: Call, names: Names, limit: str) -> str:
    least, most = map(int, limit.split("-"))
    shape = call.shape(names[0])
    return "" if shape is None or least <= len(shape) <= most else f"{names[0]} has {len(shape)} axes"


def _result_rank(call: Call, _: Names, limit: str) -> str:
    if call.op.type == "const" or call.op.type.startswith("constexpr_"):
        return ""
    for output in call.op.outputs:
        if (
            isinstance(output.type, TensorType)
            and output.type.shape is not None
            and len(output.type.shape) > int(limit)
        ):
            return f"{output.name} is {output.type}"
    return ""


def _list_rank(call: Call, names: Names, limit: str) -> str:
    axes = len(call.op.inputs.get(names[0], ()))
    shape = call.shape(names[0])
    axes = shape[0] if axes == 1 and shape and shape[0] is not None else axes
    return f"elements of {axes} axes" if axes > int(limit) else ""


def _one_of(call: Call, names: Names, limit: str) -> str:
    word = call.word(names[0])
    return f"{names[0]} is {word!r}" if word and word not in limit.split() else ""


def _none_of(call: Call, names: Names, limit: str) -> str:
    word = call.word(names[0])
    return f"{names[0]} is {word!r}" if word in limit.split() else ""


def _count(call: Call, names: Names, limit: str) -> str:
    count = len(call.op.inputs.get(names[0], ()))
    return "" if count == int(limit) else f"{count} in {names[0]}"


def _length(call: Call, names: Names, limit: str) -> str:
    shape = call.shape(names[0])
    is_wrong = shape is not None and len(shape) == 1 and shape[0] is not None and str(shape[0]) not in limit.split()
    return f"{names[0]} has {shape[0]} entries" if is_wrong and shape is not None else ""


def _same_rank(call: Call, names: Names, _: str) -> str:
    ranks = {len(tensor.shape) for tensor in call.tensors(*names) if tensor.shape is not None}
    return f"ranks {', '.join(map(str, sorted(ranks)))}" if len(ranks) > 1 else ""


def _same_type(call: Call, names: Names, _: str) -> str:
    types = {tensor.dtype for tensor in call.tensors(*names)}
    return f"types {', '.join(sorted(types))}" if len(types) > 1 else ""


def _below_rank(call: Call, names: Names, _: str) -> str:
    shape, number = call.shape(names[0]), call.number(names[1], 0)
    is_wrong = shape is not None and number is not None and number >= max(len(shape), 1)
    return f"{names[1]} is {number}" if is_wrong else ""


def _last_axes(call: Call, names: Names, limit: str) -> str:
    mode, most = limit.split()
    widths = call.numbers(names[1])
    if call.word(names[0]) != mode or widths is None or not any(widths[: -2 * int(most)]):
        return ""
    return f"{names[1]} is {widths}"


def _pad_widths(call: Call, names: Names, _: str) -> str:
    shape, widths = call.shape(names[0]), call.numbers(names[1])
    if widths is None:
        return ""
    is_wrong = len(widths) % 2 or min(widths, default=0) < 0 or (shape is not None and len(widths) > 2 * len(shape))
    return f"{names[1]} is {widths} for {len(shape or ())} axes" if is_wrong else ""


def _mirror(call: Call, names: Names, limit: str) -> str:
    shape, widths = call.shape(names[1]), call.numbers(names[2])
    if call.word(names[0]) != limit or shape is None or widths is None or len(widths) > 2 * len(shape):
        return ""
    sizes = shape[len(shape) - len(widths) // 2 :]
    pairs = zip(sizes, widths[::2], widths[1::2], strict=False)
    wrong = [size for size, *pair in pairs if size is not None and 0 < size <= max(pair)]
    return f"{names[2]} is {widths} for {list(shape)}" if wrong else ""


def _ceil_axes(call: Call, names: Names, limit: str) -> str:
    shape = call.shape(names[1])
    axes = 0 if shape is None else len(shape) - 2
    return f"{axes} spatial axes" if call.number(names[0], 0) and axes > int(limit) else ""


def _ceil_padding(call: Call, names: Names, limit: str) -> str:
    return f"the padding {limit}" if call.number(names[0], 0) and call.word(names[1]) == limit else ""


def _ceil_symmetric(call: Call, names: Names, limit: str) -> str:
    pads = call.numbers(names[2])
    if not call.number(names[0], 0) or call.word(names[1]) != limit or pads is None or pads[::2] == pads[1::2]:
        return ""
    return f"{names[2]} is {pads}"


def _undilated(call: Call, names: Names, _: str) -> str:
    dilations = call.numbers(names[1]) or [1]
    weights = {argument.name for argument in call.op.inputs.get(names[0], ()) if isinstance(argument, Name)}
    return f"{names[1]} is {dilations}" if max(dilations) > 1 and weights & call.computed else ""


def _conv_channels(call: Call, names: Names, _: str) -> str:
    x, weight, groups = call.shape(names[0]), call.shape(names[1]), call.number(names[2], 1)
    if x is None or weight is None or groups is None or min(len(x), len(weight)) < 2:
        return ""
    channels, per_group = x[1], weight[1]
    is_wrong = channels is not None and per_group is not None and channels != per_group * groups
    return f"{channels} channels, {groups} groups, {per_group} in {names[1]}" if is_wrong else ""


def _one_slope(call: Call, names: Names, limit: str) -> str:
    shape, slopes = call.shape(names[0]), call.numbers(names[1])
    if shape is None or len(shape) == int(limit) or not slopes:
        return ""
    spread = max(slopes) - min(slopes)
    return f"{len(shape)} axes and slopes {spread:g} apart" if spread > _SLOPE else ""


_SLOPE = 2e-5
"""Slopes that lie further apart are certainly not one to coremltools, which asks for 1e-5 from the first."""


def _below(call: Call, names: Names, _: str) -> str:
    low, high = (call.numbers(name) for name in names)
    if not low or not high:
        return ""
    return f"{names[0]} is {low[0]:g}, {names[1]} {high[0]:g}" if low[0] >= high[0] else ""


def _at_most_axis(call: Call, names: Names, _: str) -> str:
    shape, count, axis = call.shape(names[0]), call.number(names[1], 1), call.number(names[2], -1)
    if not shape or count is None or axis is None or not -len(shape) <= axis < len(shape):
        return ""
    size = shape[int(axis)]
    return f"{names[1]} is {count} for {size}" if size is not None and count > size else ""


def _repetitions(call: Call, names: Names, _: str) -> str:
    shape, reps = call.shape(names[0]), call.numbers(names[1])
    if shape is None or reps is None:
        return ""
    is_wrong = not reps or len(reps) != len(shape) or min(reps) <= 0
    return f"{names[1]} is {reps} for {len(shape)} axes" if is_wrong else ""


def _one_free(call: Call, names: Names, _: str) -> str:
    sizes = call.numbers(names[0]) or []
    return f"{names[0]} is {sizes}" if sizes.count(-1) > 1 else ""


def _one_each(call: Call, names: Names, _: str) -> str:
    shape, perm = call.shape(names[0]), call.numbers(names[1])
    is_wrong = shape is not None and perm is not None and len(perm) != len(shape)
    return f"{names[1]} is {perm} for {len(shape or ())} axes" if is_wrong else ""


def _branches(call: Call, _: Names, __: str) -> str:
    first, *rest = [[_kind(call, name) for name in block.outputs] for block in call.op.blocks] or [[]]
    for other in rest:
        for left, right in zip(first, other, strict=False):
            if left and right and left != right:
                return f"{left} and {right}"
    return ""


def _kind(call: Call, name: str) -> str:
    """Return the element type and rank of a name; sizes may be open in one branch alone."""
    found = call.named_types.get(name)
    if isinstance(found, OtherType) or found is None or found.shape is None:
        return ""
    return f"{found.dtype} of {len(found.shape)} axes"


RULES: Mapping[str, Callable[[Call, Names, str], str]] = {
    "at_most_axis": _at_most_axis,
    "below": _below,
    "below_rank": _below_rank,
    "branches": _branches,
    "ceil_axes": _ceil_axes,
    "ceil_padding": _ceil_padding,
    "ceil_symmetric": _ceil_symmetric,
    "conv_channels": _conv_channels,
    "count": _count,
    "last_axes": _last_axes,
    "length": _length,
    "list_rank": _list_rank,
    "mirror": _mirror,
    "none_of": _none_of,
    "one_each": _one_each,
    "one_free": _one_free,
    "one_of": _one_of,
    "one_slope": _one_slope,
    "pad_widths": _pad_widths,
    "rank": _rank,
    "repetitions": _repetitions,
    "result_rank": _result_rank,
    "same_rank": _same_rank,
    "same_type": _same_type,
    "undilated": _undilated,
}
"""Each rule of an op, by the name that the table uses."""


def _inputs_from(program: Program, _: Names, limit: str) -> str:
    empty = not program.interfaces[program.default_function].inputs
    return f"version {program.spec_version}" if empty and program.spec_version < int(limit) else ""


def _features_from(program: Program, names: Names, limit: str) -> str:
    for interface in program.interfaces.values():
        for feature in (*interface.inputs, *interface.outputs):
            if feature.dtype == names[0] and program.spec_version < int(limit):
                return f"{feature.name} is {feature.dtype}, version {program.spec_version}"
    return ""


def _stacked_defaults(program: Program, _: Names, __: str) -> str:
    for name, interface in program.interfaces.items():
        flexible = {feature.name: feature.shape for feature in interface.inputs if feature.sizes or feature.choices}
        found = _unlike_stack(program.functions[name], flexible) if flexible else ""
        if found:
            return found
    return ""


def _unlike_stack(function: Function, flexible: Mapping[str, tuple[int, ...]]) -> str:
    """Say which stack takes unlike shapes, where inputs, and what they are cast to, have their default shapes."""
    shapes = {**{named.name: _fixed(named.type) for named in function.inputs}, **flexible}
    for op in function.body.ops:
        given = [argument.name for argument in op.inputs.get("values", ()) if isinstance(argument, Name)]
        unlike = {shapes[name] for name in given if shapes.get(name)}
        if op.type == "stack" and len(unlike) > 1:
            return f"op {op.location!r} (stack): {', '.join(map(str, sorted(unlike)))}"
        cast = next((argument for argument in op.inputs.get("x", ()) if op.type == "cast"), None)
        same = shapes.get(cast.name, ()) if isinstance(cast, Name) else ()
        shapes |= {output.name: same if same else _fixed(output.type) for output in op.outputs}
    return ""


def _fixed(declared: ValueType) -> tuple[int, ...]:
    """Return a declared shape in which every size is known, () for others."""
    shape = declared.shape if isinstance(declared, TensorType) and declared.shape is not None else ()
    sizes = tuple(size for size in shape if size is not None)
    return sizes if len(sizes) == len(shape) else ()


MODEL_RULES: Mapping[str, Callable[[Program, Names, str], str]] = {
    "features_from": _features_from,
    "inputs_from": _inputs_from,
    "stacked_defaults": _stacked_defaults,
}
"""Each rule of a model's description."""
