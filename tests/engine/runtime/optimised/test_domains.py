"""Every optimised step has the domain of its plain one: special values, empty sizes, and every declared type."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.engine.mil.dtypes import BY_NAME
from mlparity.engine.mil.program import NamedType, Op, Program, TensorType, Value
from mlparity.engine.numerics import FP32, TYPED, Profile
from mlparity.engine.ops.registry import find
from mlparity.engine.ops.schema import schema_of
from mlparity.engine.runtime.optimised.choose import NEW_MEMORY, PACKERS
from mlparity.engine.runtime.tensors import storage_dtype, tensor_from
from tests.engine.runtime.optimised.special import (
    SINGLE,
    TYPES,
    Content,
    assert_same,
    assert_same_bits,
    contents,
    feature,
    given_as,
    kinds,
    magnitudes,
    outcome,
    sizes,
    strewn,
)
from tests.engine.runtime.programs import op, program

CPU = torch.device("cpu")
LARGEST = float(SINGLE.max)
HALF_STEP, HALF_LEAST, HALF_LARGEST = 2.0**-10, 2.0**-24, 65504.0
STEP, LEAST = 2.0**-23, 2.0**-149

milds = contents.map(lambda each: replace(each, is_extreme=False))
bounds = st.tuples(*[st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.1, 1.0, 6.0, math.inf, math.nan])] * 2)
followers = st.sampled_from([None, "relu", "relu6"]) | bounds
Follower = str | tuple[float, float] | None


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """A program of one product and perhaps an activation, what goes in, and how many products a result sums."""

    program: Program
    inputs: Mapping[str, torch.Tensor]
    length: int


def _then(first: Op, follower: Follower, inputs: Sequence[NamedType], opset: int = 16) -> Program:
    if follower is None:
        return program(tuple(inputs), (first,), (first.outputs[0].name,), opset)
    kind = first.outputs[0].type
    out = NamedType("z", kind)
    limits = {} if isinstance(follower, str) else dict(zip(("alpha", "beta"), map(np.float32, follower), strict=True))
    name = follower if isinstance(follower, str) else "clip"
    last = op(name, out, x=f"%{first.outputs[0].name}", **limits)
    return program(tuple(inputs), (first, last), ("z",), opset)


def _held(array: np.ndarray, dtype: str, *, is_strewn: bool = False) -> torch.Tensor:
    held = tensor_from(array, dtype, torch.float32, CPU)
    assert held.dtype is storage_dtype(dtype, torch.float32)
    return strewn(held) if is_strewn else held


def _check(written: Written, profile: Profile) -> None:
    plain, fast = (outcome(written.program, profile, written.inputs, kernels=kernels) for kernels in (False, True))
    if isinstance(plain, type) or isinstance(fast, type):
        assert fast == plain
        return
    total = magnitudes(written.program, written.inputs)
    for name, each in plain.items():
        assert_same(each, fast[name], _slack(each, total, written.length, profile))


def _slack(plain: torch.Tensor, magnitude: object, length: int, profile: Profile) -> torch.Tensor | float:
    """Return how far sums in another order may lie apart: a rounding of all magnitudes for each number that is summed.

    Infinite where the magnitudes together pass the largest number, by which order decides what is infinite.
    """
    if not isinstance(magnitude, Mapping) or not plain.is_floating_point():
        return 0.0
    (total,) = magnitude.values()
    steps = length + 3
    slack = steps * STEP * total + steps * LEAST
    slack = torch.where(total * (1 + steps * STEP) >= LARGEST, math.inf, slack)
    if profile is TYPED:
        slack = slack + HALF_STEP * total + HALF_LEAST
        slack = torch.where(total * (1 + steps * STEP) >= HALF_LARGEST, math.inf, slack)
    return slack


@st.composite
def convolutions(draw: st.DrawFn) -> Written:
    kind = draw(st.sampled_from(["dense", "pointwise", "depthwise"]))
    groups = draw(st.sampled_from([16, 19])) if kind == "depthwise" else draw(st.sampled_from([1, 1, 2]))
    each = 1 if kind == "depthwise" else draw(sizes)
    channels, out = groups * each, groups * (1 if kind == "depthwise" else draw(sizes))
    taps = (1, 1) if kind == "pointwise" else draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    shape = (draw(st.sampled_from([0, 1, 1, 2])), channels, draw(st.integers(2, 9)), draw(st.integers(2, 9)))
    is_open, typed = draw(st.booleans()), draw(kinds("x", "weight", "bias", "y"))
    x, w, b = (
        draw(contents).array(typed[name], size)
        for name, size in (("x", shape), ("weight", (out, each, *taps)), ("bias", (out,)))
    )
    ways = {
        "pad_type": draw(st.sampled_from(["valid", "same", "same_lower", "custom"])),
        "pad": draw(st.sampled_from([(0, 0, 0, 0), (1, 1, 1, 1), (1, 0, 2, 1)])),
        "strides": draw(st.sampled_from([(1, 1), (2, 1)])),
        "dilations": draw(st.sampled_from([(1, 1), (1, 2)])),
        "groups": groups,
    }
    known = (None,) * 4 if is_open else shape
    first = op("conv", feature("y", typed["y"], (None,) * 4), x="%x", **ways)
    first = given_as(first, weight=w, **({"bias": b} if draw(st.booleans()) else {}))
    written = _then(first, draw(followers), (feature("x", typed["x"], known),))
    held = _held(x, typed["x"], is_strewn=draw(st.booleans()))
    return Written(written, {"x": held}, each * math.prod(taps))


@st.composite
def linears(draw: st.DrawFn) -> Written:
    length, out = draw(sizes), draw(sizes)
    shape = (*draw(st.lists(st.integers(0, 4), max_size=3)), length)
    typed, opset = draw(kinds("x", "weight", "bias", "y")), draw(st.sampled_from([16, 17]))
    x, w, b = (
        draw(contents).array(typed[name], size)
        for name, size in (("x", shape), ("weight", (out, length)), ("bias", (out,)))
    )
    first = op("linear", feature("y", typed["y"], (None,) * len(shape)), x="%x")
    first = given_as(first, weight=w, **({"bias": b} if draw(st.booleans()) else {}))
    known = draw(st.sampled_from([(None,) * len(shape), shape]))
    written = _then(first, draw(followers), (feature("x", typed["x"], known),), opset)
    return Written(written, {"x": _held(x, typed["x"], is_strewn=draw(st.booleans()))}, length)


@st.composite
def matmuls(draw: st.DrawFn) -> Written:
    rows, length, columns = (draw(sizes) for _ in range(3))
    front = tuple(draw(st.lists(st.integers(0, 3), max_size=2)))
    turned = draw(st.booleans()), draw(st.booleans())
    left = (*front, length, rows) if turned[0] else (*front, rows, length)
    right = (*front, columns, length) if turned[1] else (*front, length, columns)
    typed = draw(kinds("a", "b", "y"))
    shapes = {"a": left, "b": right}
    features = [feature(name, typed[name], (None,) * len(shape)) for name, shape in shapes.items()]
    y = feature("y", typed["y"], (None,) * len(left))
    first = op("matmul", y, x="%a", y="%b", transpose_x=turned[0], transpose_y=turned[1])
    written = _then(first, draw(followers), features, draw(st.sampled_from([16, 17])))
    inputs = {
        name: _held(draw(contents).array(typed[name], shape), typed[name], is_strewn=draw(st.booleans()))
        for name, shape in shapes.items()
    }
    return Written(written, inputs, length)


@st.composite
def lstms(draw: st.DrawFn) -> Written:
    steps, samples = draw(st.integers(0, 6)), draw(st.integers(0, 3))
    inputs, units, whole = draw(sizes), draw(sizes), draw(st.booleans())
    way = draw(st.sampled_from(["forward", "reverse", "bidirectional"]))
    count = 2 if way == "bidirectional" else 1
    shapes = {"x": (steps, samples, inputs), "h": (samples, count * units), "c": (samples, count * units)}
    weights: dict[str, tuple[int, ...]] = {"weight_ih": (4 * units, inputs), "weight_hh": (4 * units, units)}
    if draw(st.booleans()):
        weights["bias"] = (4 * units,)
    typed = draw(kinds(*shapes, *weights, "y"))
    ends = ("", "_back")[:count]
    held = {name + end: draw(milds).array(typed[name], shape) for name, shape in weights.items() for end in ends}
    outs = [feature(name, typed["y"], (None,) * rank) for name, rank in (("s", 3), ("last_h", 2), ("last_c", 2))]
    features = [feature(name, typed[name], (None,) * len(shape)) for name, shape in shapes.items()]
    first = op("lstm", *outs, x="%x", initial_h="%h", initial_c="%c", direction=way, output_sequence=whole)
    written = program(tuple(features), (given_as(first, **held),), ("s", "last_h", "last_c"))
    arrays = {name: draw(milds).array(typed[name], shape) for name, shape in shapes.items()}
    return Written(written, {name: _held(array, typed[name]) for name, array in arrays.items()}, steps)


@settings(deadline=None, max_examples=100)
@given(lstms(), st.sampled_from([FP32, TYPED]))
def test_a_packed_lstm_has_the_domain_of_the_plain_one(written: Written, profile: Profile) -> None:
    plain, fast = (outcome(written.program, profile, written.inputs, kernels=kernels) for kernels in (False, True))
    if isinstance(plain, type) or isinstance(fast, type):
        assert fast == plain
        return
    for name, each in plain.items():
        size = 1 + each.double().nan_to_num(0.0, 0.0, 0.0).abs()
        assert_same(each, fast[name], size * (written.length + 1) * (2e-6 if profile is FP32 else HALF_STEP))


@st.composite
def rounded_in_place(draw: st.DrawFn) -> Written:
    name = draw(st.sampled_from(sorted(NEW_MEMORY - set(PACKERS))))
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=4)))
    parameters = sorted(set(schema_of(find(name, 17).fn).required))
    typed = draw(kinds("out", *parameters))
    inputs = [feature(each, typed[each], (None,) * len(shape)) for each in parameters]
    result = feature("out", typed["out"], (None,) * len(shape))
    first = op(name, result, **{each: f"%{each}" for each in parameters})
    written = program(tuple(inputs), (first,), ("out",), 17)
    arrays = {
        each: _held(draw(contents).array(typed[each], shape), typed[each], is_strewn=draw(st.booleans()))
        for each in parameters
    }
    return Written(written, arrays, 1)


@settings(deadline=None, max_examples=100)
@given(rounded_in_place())
def test_a_result_that_is_rounded_where_it_lies_has_the_plain_bits(written: Written) -> None:
    _check_bits(written.program, written.inputs)


def _check_bits(written: Program, inputs: Mapping[str, torch.Tensor]) -> None:
    plain, fast = (outcome(written, TYPED, inputs, kernels=kernels) for kernels in (False, True))
    if isinstance(plain, type) or isinstance(fast, type):
        assert fast == plain
        return
    for name, each in plain.items():
        assert_same_bits(each, fast[name])


@settings(deadline=None, max_examples=60)
@given(contents, st.sampled_from([*TYPES, "bf16", "fp8e4m3fn", "fp8e5m2"]), st.sampled_from(["fp16", "fp32", "int32"]))
def test_a_table_that_is_gathered_from_gives_the_plain_bits(content: Content, dtype: str, result: str) -> None:
    held = content.array(dtype if dtype in TYPES else "fp32", (5, 3))
    table = held if dtype in TYPES else held.astype(BY_NAME[dtype].holder)
    parameters = {"axis": np.int32(0), "batch_dims": np.int32(0), "validate_indices": False}
    first = op("gather", feature("y", result, (None, 3)), indices="%x", **parameters)
    first = Op(first.type, {**first.inputs, "x": (Value(TensorType(dtype, table.shape), table),)}, first.outputs, "y")
    written = program((feature("x", "int32", (None,)),), (first,), ("y",), 17)
    for places in ([0, 4, 2], [], [-1], [5]):
        _check_bits(written, {"x": torch.tensor(places, dtype=torch.int32)})


@settings(deadline=None, max_examples=200)
@given(convolutions(), st.sampled_from([FP32, TYPED]))
def test_a_packed_convolution_has_the_domain_of_the_plain_one(written: Written, profile: Profile) -> None:
    _check(written, profile)


@settings(deadline=None, max_examples=100)
@given(linears(), st.sampled_from([FP32, TYPED]))
def test_a_packed_matrix_has_the_domain_of_the_plain_product(written: Written, profile: Profile) -> None:
    _check(written, profile)


@pytest.fixture(autouse=True, scope="module")
def _any_size() -> object:
    """Let products of little work be packed, and small results be rounded by our own kernel."""
    from mlparity.engine.numerics import rounding
    from mlparity.engine.runtime.optimised import linear, matmul

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "LEAST_PRODUCTS", 0)
        patch.setattr(matmul, "LEAST_PRODUCTS", 1)
        patch.setattr(rounding, "LEAST_IN_PLACE", 0)
        yield


@settings(deadline=None, max_examples=100)
@given(matmuls(), st.sampled_from([FP32, TYPED]))
def test_a_product_of_values_has_the_domain_of_the_plain_one(written: Written, profile: Profile) -> None:
    _check(written, profile)
