"""Special values of every declared type, in tensors of every form, and what two runs of one program may differ in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st

from mlparity.core.errors import MlparityError
from mlparity.engine.mil.program import Argument, NamedType, Op, Program, TensorType, Value
from mlparity.engine.numerics import REFERENCE, Profile
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from tests.engine.runtime.programs import program

FLOATS = {"fp16": np.float16, "fp32": np.float32, "fp64": np.float64}
INTEGERS = {
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "bool": np.bool_,
}
TYPES = FLOATS | INTEGERS
SINGLE, HALF = np.finfo(np.float32), np.finfo(np.float16)

ORDINARY = (0.25, -0.5, 1.0, -2.0, 3.0)
SPECIAL = (math.nan, math.inf, -math.inf, 0.0, -0.0)
EXTREMES = {
    "fp16": (float(HALF.smallest_subnormal), -float(HALF.max), float(HALF.max)),
    "fp32": (float(SINGLE.smallest_subnormal), -float(SINGLE.max), float(SINGLE.max)),
}

Outcome = Mapping[str, torch.Tensor] | type[MlparityError]


@dataclass(frozen=True, slots=True)
class Content:
    """How an array is filled: from which seed, and with how many special values among a hundred, and which.

    `is_extreme` adds the least and the largest numbers of its type.
    """

    seed: int
    percent: int
    special: tuple[float, ...]
    is_extreme: bool

    def array(self, dtype: str, shape: Sequence[int]) -> np.ndarray:
        """Return numbers of the type: few bits each, so that sums of them are exact, and special ones between them."""
        random = np.random.default_rng(self.seed)
        if dtype in INTEGERS:
            return random.integers(0, 3, shape).astype(TYPES[dtype])
        extremes = EXTREMES["fp16" if dtype == "fp16" else "fp32"] if self.is_extreme else ()
        plain, special = random.choice(ORDINARY, shape), random.choice((*self.special, *extremes), shape)
        chosen = np.where(random.integers(0, 100, shape) < self.percent, special, plain)
        return np.asarray(chosen.astype(TYPES[dtype]))


specials = st.sampled_from([(0.0, -0.0), (math.nan,), (math.inf,), (-math.inf, 0.0), SPECIAL])
contents = st.builds(Content, st.integers(0, 2**16), st.sampled_from([1, 4, 30]), specials, st.booleans())
float_types = st.sampled_from(sorted(FLOATS))


@st.composite
def kinds(draw: st.DrawFn, *names: str) -> dict[str, str]:
    """Draw a type for each name: floating ones, and for one name in a third of the cases any type."""
    found = {name: draw(float_types) for name in names}
    if draw(st.integers(0, 2)) == 0:
        found[draw(st.sampled_from(names))] = draw(st.sampled_from(sorted(TYPES)))
    return found


sizes = st.sampled_from([0, *range(1, 8), *range(1, 24)])
"""Sizes of an axis: now and then none, most often below eight."""


def value(array: np.ndarray) -> Value:
    """Return a constant in the array's own type."""
    name = next(name for name, kind in TYPES.items() if array.dtype == kind)
    return Value(TensorType(name, array.shape), array)


def given_as(op: Op, **inputs: np.ndarray) -> Op:
    """Return the op with constants of their own types besides its inputs."""
    held = {name: (value(array),) for name, array in inputs.items()}
    return Op(op.type, {**op.inputs, **held}, op.outputs, op.location)


def strewn(x: torch.Tensor) -> torch.Tensor:
    """Return equal numbers that do not lie side by side."""
    if x.ndim == 0:
        return x
    return torch.stack([x, torch.full_like(x, 1)], -1)[..., 0].transpose(0, -1).contiguous().transpose(0, -1)


def outcome(written: Program, profile: Profile, inputs: Mapping[str, torch.Tensor], *, kernels: bool) -> Outcome:
    """Return the results, or the type of the error that refused the program or its inputs."""
    try:
        with torch.inference_mode():
            found = run_plan(bind(written, profile, kernels=kernels), inputs)
    except MlparityError as error:
        return type(error)
    return {name: each for name, each in found.items() if isinstance(each, torch.Tensor)}


def magnitudes(written: Program, inputs: Mapping[str, torch.Tensor]) -> Outcome:
    """Return what the program makes of magnitudes in fp64: how large the products behind each result are together."""
    constants = {
        place: {
            key: tuple(_magnitude(each) for each in arguments) if key in ("weight", "bias") else arguments
            for key, arguments in op.inputs.items()
        }
        for place, op in enumerate(_ops(written))
    }
    ops = tuple(Op(op.type, constants[place], op.outputs, op.location) for place, op in enumerate(_ops(written)))
    function = written.functions["main"]
    sums = program(function.inputs, ops, tuple(op.outputs[0].name for op in ops[:1]), function.opset)
    sizes = {name: _finite(each) for name, each in inputs.items()}
    return outcome(sums, REFERENCE, sizes, kernels=False)


def _ops(written: Program) -> tuple[Op, ...]:
    return written.functions["main"].body.ops[:1]


def _magnitude(argument: Argument) -> Argument:
    if isinstance(argument, Value) and isinstance(argument.data, np.ndarray) and argument.data.dtype.kind == "f":
        wide = np.abs(np.nan_to_num(argument.data.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0))
        return Value(TensorType("fp64", wide.shape), wide)
    return argument


def _finite(x: torch.Tensor) -> torch.Tensor:
    return x.double().nan_to_num(0.0, 0.0, 0.0).abs() if x.is_floating_point() else x


def assert_same(plain: torch.Tensor, fast: torch.Tensor, slack: torch.Tensor | float = 0.0) -> None:
    """Hold `fast` to `plain`: shape, type, NaN, infinities and their signs, and the rest within `slack`.

    Where `slack` is not finite, sums pass the largest number in some order or other, and nothing is promised.
    """
    assert (fast.shape, fast.dtype) == (plain.shape, plain.dtype)
    limit = torch.as_tensor(slack, dtype=torch.float64).expand(plain.shape)
    known = limit.isfinite()
    for is_so in (torch.isnan, torch.isposinf, torch.isneginf):
        where = (is_so(fast.double()) != is_so(plain.double())) & known
        places = where.nonzero()[:3].tolist()
        assert not where.any(), f"{is_so.__name__} at {places}: {plain[where][:3]} is {fast[where][:3]}"
    finite = known & plain.double().isfinite()
    apart = (fast.double() - plain.double()).abs()[finite] - limit[finite]
    assert bool((apart <= 0).all()), f"apart by {float(apart.max())} more than {float(limit[finite].max())}"


def assert_same_bits(plain: torch.Tensor, fast: torch.Tensor) -> None:
    """Hold `fast` to `plain` bit for bit, signs of zeros included; any NaN is NaN."""
    assert_same(plain, fast)
    zero = plain == 0
    assert torch.equal(torch.signbit(plain[zero]), torch.signbit(fast[zero]))


def feature(name: str, dtype: str, shape: Sequence[int | None]) -> NamedType:
    """Return an input or a result of the type."""
    return NamedType(name, TensorType(dtype, tuple(shape)))
