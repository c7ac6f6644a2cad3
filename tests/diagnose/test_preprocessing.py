"""Suspects around a model, on functions that stand for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pytest
import torch
from torch import Tensor

from mlparity.diagnose.preprocessing import CONVENTIONS, changed_input, find_suspect
from mlparity.engine.mil.program import Op
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from tests.engine.runtime.programs import op, program, tensor

WEIGHT = torch.randn(3 * 8 * 8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
IMAGE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def network(x: Tensor) -> Tensor:
    return torch.tanh(x.reshape(x.shape[0], -1) @ WEIGHT * 0.1)


def suspect(before: Callable[[Tensor], Tensor], after: Callable[[Tensor], Tensor] = lambda y: y) -> str | None:
    """The suspect for an artifact with a change of its input and of its output."""
    found = find_suspect(lambda inputs: {"y": after(network(before(inputs["x"])))}, {"x": IMAGE}, {"y": network(IMAGE)})
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x.flip(1), "BGR"),
        (lambda x: x / 255, "values 0 to 1, the artifact values 0 to 255"),
        (lambda x: x * 2 - 1, "values -1 to 1, the artifact values 0 to 1"),
        (lambda x: x.permute(0, 2, 3, 1).reshape(x.shape), "NHWC"),
        (lambda x: x.transpose(2, 3), "height and width"),
        (lambda x: x.flip(3), "mirrored left to right"),
        (lambda x: x.flip(2), "upside down"),
        (lambda x: x.flip(2, 3), "turned by 180 degrees"),
        (lambda x: torch.rot90(x, 1, (2, 3)), "turned to the left by 90 degrees"),
        (lambda x: torch.rot90(x, -1, (2, 3)), "turned to the right by 90 degrees"),
    ],
)
def test_a_changed_input_is_named(change: Callable[[Tensor], Tensor], words: str) -> None:
    assert words in (suspect(change) or "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: y.softmax(-1), "softmax"),
        (lambda y: y.sigmoid(), "sigmoid"),
        (lambda y: y[..., [2, 0, 1, 4, 3]], "another order"),
    ],
)
def test_a_changed_output_is_named(change: Callable[[Tensor], Tensor], words: str) -> None:
    assert words in (suspect(lambda x: x, change) or "")


def test_each_convention_against_each_other_is_undone() -> None:
    for ours in CONVENTIONS:
        pixels = IMAGE * spread(ours.scale) + spread(ours.bias)
        for theirs in CONVENTIONS:
            if ours is theirs:
                continue
            taken = {"x": IMAGE * spread(theirs.scale) + spread(theirs.bias)}
            mean = float(taken["x"].mean())
            found = find_suspect(
                partial(less, mean),
                {"x": pixels},
                {"y": network(taken["x"] - mean)},
            )
            assert found is not None, (ours.name, theirs.name)


def less(mean: float, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {"y": network(inputs["x"] - mean)}


def spread(numbers: tuple[float, ...]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64).reshape(1, -1, 1, 1)


def test_numbers_that_are_no_pixels_have_no_convention() -> None:
    """The cosine of two vectors does not change with their scale: an epsilon that is lost does not become one."""
    rows = torch.randn(2, 8, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 1e-5

    def cosine(inputs: Mapping[str, Tensor], epsilon: float = 1e-8) -> dict[str, Tensor]:
        left, right = inputs["x"]
        return {"y": (left @ right / (left.norm() * right.norm()).clamp(min=epsilon)).reshape(1)}

    assert find_suspect(cosine, {"x": rows}, cosine({"x": rows}, 1e-30)) is None


def test_other_differences_have_no_suspect() -> None:
    assert (
        suspect(lambda x: x, lambda y: y + 0.1 * torch.randn(y.shape, generator=torch.Generator().manual_seed(2)))
        is None
    )
    assert suspect(lambda x: x, lambda y: y * float("nan")) is None


def test_numbers_and_empty_outputs_have_no_suspect() -> None:
    assert find_suspect(lambda inputs: inputs, {"x": torch.tensor(3)}, {"x": torch.tensor(4)}) is None
    assert find_suspect(lambda inputs: inputs, {"x": torch.zeros(0)}, {"x": torch.zeros(0)}) is None


def named(kind: str, output: str, **inputs: object) -> Op:
    return op(kind, tensor(output, "fp32", 1, 3), **inputs)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ((named("mul", "a", x="%x", y=0.5), named("sub", "b", x="%a", y=0.25)), "x"),
        ((named("mul", "b", x="%x", y="%x"),), None),
        ((named("relu", "b", x="%x"),), None),
        ((named("mul", "a", x="%other", y=0.5), named("sub", "b", x="%a", y=0.25)), None),
        ((), None),
    ],
    ids=["constants alone", "with itself", "another op", "not of an input", "nothing before"],
)
def test_an_input_is_changed_by_constants_alone(changes: tuple[Op, ...], wanted: str | None) -> None:
    last = named("tanh", "y", x="%b" if changes else "%x")
    plan = bind(
        program((tensor("x", "fp32", 1, 3),), (last,) if not changes else (*OTHER, *changes, last), ("y",)), FP32
    )
    assert changed_input(plan, (*changes, last)) == wanted


OTHER = (named("exp", "other", x="%x"),)


def test_a_change_that_the_source_has_too_is_none_of_the_input() -> None:
    ops = (named("mul", "a", x="%x", y=0.5), named("sub", "y", x="%a", y=0.25))
    plan = bind(program((tensor("x", "fp32", 1, 3),), ops, ("y",)), FP32)
    assert changed_input(plan, ops) is None
