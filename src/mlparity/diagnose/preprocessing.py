"""The usual suspects around a model: which change of its inputs or outputs makes a difference vanish.

Each suspect is a change that people make on one side and forget on the other. It is named only when it removes nearly
all of the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.engine.mil.program import Name, Op
from mlparity.engine.runtime.plan import Plan

Run = Callable[[Tensors], Tensors]
"""Runs an artifact on inputs by name and returns its outputs by the source's names."""

VANISHED = 0.97
"""The part of the difference that has to go away (assumed; fp16 weights leave a few percent of a large one)."""

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Convention:
    """How pixels become numbers: `scale * x + bias` of x in 0..1, for each of three channels or for all."""

    name: str
    scale: tuple[float, ...]
    bias: tuple[float, ...]


CONVENTIONS = (
    Convention("values 0 to 1", (1.0,), (0.0,)),
    Convention("values 0 to 255", (255.0,), (0.0,)),
    Convention("values -1 to 1", (2.0,), (-1.0,)),
    Convention("values 0 to 1 less ImageNet's mean", (1.0,), tuple(-m for m in _MEAN)),
    # Source: https://docs.pytorch.org/vision/stable/models.html (mean and std of the ImageNet weights).
    Convention(
        "ImageNet's mean and std",
        tuple(1 / s for s in _STD),
        tuple(-m / s for m, s in zip(_MEAN, _STD, strict=True)),
    ),
    # Source: https://apple.github.io/coremltools/docs-guides/source/image-inputs.html (one scale for all channels).
    Convention("ImageNet's mean and one scale for all channels", (1 / 0.226,), tuple(-m / 0.226 for m in _MEAN)),
    # Source: https://github.com/BVLC/caffe/wiki/Model-Zoo (means in BGR order, given here in RGB order).
    Convention("0 to 255 less the mean (Caffe)", (255.0,), (-123.68, -116.779, -103.939)),
)


@dataclass(frozen=True, slots=True, eq=False)
class SuspectInput:
    """A change that makes the difference vanish, in words, and the part of it that goes away.

    `inputs` are all inputs with the change; None where it is one of an output.
    """

    name: str
    removed: float
    inputs: Tensors | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ChangedInputs:
    """One change of an input that was tried: in words, all inputs with it, and what the artifact gives then."""

    name: str
    inputs: Tensors
    outputs: Tensors


@dataclass(frozen=True, slots=True, eq=False)
class InputSearch:
    """What a search has found: the change that makes the difference vanish, and those that were tried on the way."""

    suspect: SuspectInput | None
    tried: tuple[ChangedInputs, ...] = ()


def find_suspect(run: Run, inputs: Tensors, expected: Tensors) -> SuspectInput | None:
    """Return the change of inputs or outputs that removes the difference best, None where none makes it vanish."""
    return search_inputs(run, inputs, expected).suspect


def search_inputs(run: Run, inputs: Tensors, expected: Tensors) -> InputSearch:
    """Try the usual changes of inputs and outputs.

    Runs the artifact once for each change of the inputs, some ninety times at most; stops at one that leaves nothing.
    """
    found = run(inputs)
    before = distance(found, expected)
    best, tried = SuspectInput("", 0.0), list[ChangedInputs]()
    for name, changed, outputs, wanted in _changes(run, inputs, found, expected):
        # What is left has to be small against the outputs too: of an infinite difference any finite one is little.
        gone = removed(min(before, 1.0), distance(outputs, wanted))
        if changed is not None:
            tried.append(ChangedInputs(name, changed, outputs))
        if gone > best.removed:
            best = SuspectInput(name, gone, changed)
        if gone >= 1 - (1 - VANISHED) / 100:
            break
    return InputSearch(best if best.removed >= VANISHED else None, tuple(tried))


def _changes(
    run: Run, inputs: Tensors, found: Tensors, expected: Tensors
) -> Iterator[tuple[str, Tensors | None, Tensors, Tensors]]:
    """Yield each change in words, the inputs with it if it is theirs, and the outputs of both sides."""
    for words, outputs, wanted in _output_changes(found, expected):
        yield words, None, outputs, wanted
    for name, value in inputs.items():
        for words, changed in _input_changes(value):
            others = {**inputs, name: changed}
            yield f"input {name}: {words}", others, run(others), expected


def _input_changes(value: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield changed inputs, the most usual first; the shape stays."""
    if not value.is_floating_point() or not value.numel():
        return
    axis = _channels(value)
    if axis is not None:
        yield "the artifact takes the channels in the order BGR, the source in RGB", value.flip(axis)
    yield from _layouts(value, axis)
    for words, changed in _conventions(value, axis):
        yield words, changed
        if axis is not None:
            yield f"{words}; and the channels in the order BGR", changed.flip(axis)


def _channels(value: Tensor) -> int | None:
    if value.ndim not in (3, 4):
        return None
    return next((axis for axis in (value.ndim - 3, value.ndim - 1) if value.shape[axis] == 3), None)


def _layouts(value: Tensor, axis: int | None) -> Iterator[tuple[str, Tensor]]:
    if axis is None or value.ndim != 4:
        return
    count, *sizes = value.shape
    if axis == 1:
        channels, height, width = sizes
        misread = value.permute(0, 2, 3, 1).reshape(count, channels, height, width)
        yield "the artifact reads the bytes of NHWC as NCHW", misread
        yield "the artifact reads NCHW as NHWC", value.reshape(count, height, width, channels).permute(0, 3, 1, 2)
    yield from _turned(value, axis)


def _turned(value: Tensor, axis: int) -> Iterator[tuple[str, Tensor]]:
    """Yield an image as it looks from another side; the shape stays."""
    height, width = (2, 3) if axis == 1 else (1, 2)
    yield "height and width are swapped", _swapped(value, axis)
    yield "the artifact takes the image mirrored left to right, the source as it is", value.flip(width)
    yield "the artifact takes the image upside down, the source as it is", value.flip(height)
    yield "the artifact takes the image turned by 180 degrees, the source as it is", value.flip(height, width)
    if value.shape[height] == value.shape[width]:
        for words, turns in (("to the right", 1), ("to the left", -1)):
            turned = torch.rot90(value, turns, (height, width))
            yield f"the artifact takes the image turned {words} by 90 degrees, the source as it is", turned


def _swapped(value: Tensor, axis: int) -> Tensor:
    first, second = (2, 3) if axis == 1 else (1, 2)
    return value.transpose(first, second).reshape(value.shape)


def _conventions(value: Tensor, axis: int | None) -> Iterator[tuple[str, Tensor]]:
    for ours in CONVENTIONS:
        for theirs in CONVENTIONS:
            if not (_holds(ours, value) or _holds(theirs, value)):
                continue
            per_channel = len(ours.scale + ours.bias + theirs.scale + theirs.bias) > 4
            if ours is not theirs and (axis is not None or not per_channel):
                unit = (value - _spread(ours.bias, value, axis)) / _spread(ours.scale, value, axis)
                changed = unit * _spread(theirs.scale, value, axis) + _spread(theirs.bias, value, axis)
                yield f"the source takes {ours.name}, the artifact {theirs.name}", changed


CHANGES_OF_INPUTS = frozenset({"add", "mul", "real_div", "reverse", "sub"})


def changed_input(plan: Plan, ops: Sequence[Op]) -> str | None:
    """Return the input that the first ops of a divergence change by constants alone, before its last op takes it.

    `ops` begin with the first op that differs and end with the one whose result stands for one of the source's. None
    where the last changes an input so too: then the source has a value of its own for it.
    """
    inputs = {name: name for name in plan.inputs}
    made = {output.name for op in plan.function.body.ops if op.type == "const" for output in op.outputs}
    *changes, last = ops
    for op in changes:
        read = [argument.name for given in op.inputs.values() for argument in given if isinstance(argument, Name)]
        fed = [name for name in read if name not in made]
        if op.type not in CHANGES_OF_INPUTS or len(fed) != 1 or fed[0] not in inputs:
            return None
        inputs[op.outputs[0].name] = inputs[fed[0]]
    taken = [argument.name for given in last.inputs.values() for argument in given if isinstance(argument, Name)]
    if not changes or last.type in CHANGES_OF_INPUTS or changes[-1].outputs[0].name not in taken:
        return None
    return inputs[changes[-1].outputs[0].name]


_SLACK, _REACH = 0.05, 0.01
"""Of a convention's width: how far values may lie outside, as a filter's overshoot does, and how far apart they have
to be, for those of a picture are (assumed).
"""


def _holds(convention: Convention, value: Tensor) -> bool:
    """Tell whether values may be pixels in a convention: other numbers are no picture, whatever scale undoes them."""
    count = max(len(convention.scale), len(convention.bias))
    pairs = zip(_repeated(convention.scale, count), _repeated(convention.bias, count), strict=True)
    low, high = min(convention.bias), max(scale + bias for scale, bias in pairs)
    width = high - low
    least, most = float(value.min()), float(value.max())
    return low - _SLACK * width <= least and most <= high + _SLACK * width and most - least >= _REACH * width


def _repeated(numbers: tuple[float, ...], count: int) -> tuple[float, ...]:
    return numbers if len(numbers) == count else numbers * count


def _spread(numbers: tuple[float, ...], value: Tensor, axis: int | None) -> Tensor:
    tensor = torch.tensor(numbers, dtype=value.dtype)
    if len(numbers) == 1 or axis is None:
        return tensor
    return tensor.reshape([3 if other == axis else 1 for other in range(value.ndim)])


_Change = Callable[[Tensor], Tensor]

_OUTPUT_CHANGES: Mapping[str, _Change] = {
    "softmax": lambda x: x.softmax(-1),
    "log softmax": lambda x: x.log_softmax(-1),
    "sigmoid": lambda x: x.sigmoid(),
}
"""What turns the scores of one side into those of the other."""


def _output_changes(found: Tensors, expected: Tensors) -> Iterator[tuple[str, Tensors, Tensors]]:
    """Yield pairs of outputs, one side changed."""
    for name, right in expected.items():
        left = found.get(name)
        if left is None or left.shape != right.shape or not right.is_floating_point() or not right.ndim:
            continue
        # Over one class a softmax is 1 whatever its score, and tells nothing.
        for words, change in _OUTPUT_CHANGES.items() if _all_finite(left, right) and right.shape[-1] > 1 else ():
            yield (
                f"output {name}: the artifact gives the {words} of what the source gives",
                found,
                {
                    **expected,
                    name: change(right),
                },
            )
            yield (
                f"output {name}: the source gives the {words} of what the artifact gives",
                {
                    **found,
                    name: change(left),
                },
                expected,
            )
        order = _order(left, right)
        if order is not None:
            yield f"output {name}: the classes come in another order", {**found, name: left[..., order]}, expected


def _all_finite(*tensors: Tensor) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _order(left: Tensor, right: Tensor) -> Tensor | None:
    """Return the order of the classes of `left` that fits `right` by rank in the first row; None for one class."""
    if right.shape[-1] < 2:
        return None
    first, second = left.reshape(-1, left.shape[-1])[0], right.reshape(-1, right.shape[-1])[0]
    order = torch.empty_like(second, dtype=torch.int64)
    order[second.argsort()] = first.argsort()
    return order
