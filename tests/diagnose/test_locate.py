"""Which ops carry a difference: shares, their sum, confirmation, and the search where first order fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from torch import nn

from mlparity.core.errors import FormatError, InputError
from mlparity.diagnose.distance import distance, removed
from mlparity.diagnose.local_errors import follow
from mlparity.diagnose.locate import Location, locate
from mlparity.diagnose.overflow import overflow_chain
from mlparity.engine.numerics import FP32, TYPED
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan
from tests.faults.makers import program

Plans = tuple[Plan, Plan]


@pytest.fixture
def plans(tmp_path: Path) -> Callable[..., Plans]:
    def make(build: Callable[[Any], Any], shape: tuple[int, ...]) -> Plans:
        path = tmp_path / "written.mlpackage"
        program(lambda _, x: build(x))(nn.Identity(), {"x": np.zeros(shape, np.float32)}, path)
        read = read_program(path)
        return bind(read, TYPED), bind(read, FP32)

    return make


def half(x: Any) -> Any:
    return mb.cast(x=x, dtype="fp16")


def single(x: Any) -> Any:
    return mb.cast(x=x, dtype="fp32")


def located(plans: Plans, x: torch.Tensor, confirmed: int = 3) -> Location:
    numerics, exact = plans
    with torch.no_grad():
        expected = {name: each for name, each in run_plan(exact, {"x": x}).items() if isinstance(each, torch.Tensor)}
    return locate(numerics, exact, [({"x": x}, expected)], confirmed)


def values(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_contributions_add_up_to_the_difference(plans: Callable[..., Plans]) -> None:
    weight = values(16, 16).numpy().astype(np.float16)

    def build(x: Any) -> Any:
        y = half(x)
        for _ in range(4):
            y = mb.tanh(x=mb.matmul(x=y, y=weight * np.float16(0.3)))
        return single(y)

    found = located(plans(build, (3, 16)), values(3, 16))
    assert found.first_order
    assert found.explained == pytest.approx(1.0, abs=0.02)


def test_the_op_that_loses_the_digits_is_first_and_confirmed(plans: Callable[..., Plans]) -> None:
    def build(x: Any) -> Any:
        y = mb.exp(x=half(x))
        y = mb.add(x=y, y=np.float16(2000.0), name="far_away")
        return single(mb.mul(x=mb.sub(x=y, y=np.float16(2000.0)), y=np.float16(0.5)))

    found = located(plans(build, (4, 8)), values(4, 8))
    first = found.suspects[0]
    assert first.op.outputs[0].name == "far_away"
    assert first.share is not None
    assert first.share > 0.9
    assert first.removed is not None
    assert first.removed > 0.9


def test_an_overflow_is_found_with_all_that_has_to_be_exact(plans: Callable[..., Plans]) -> None:
    def build(x: Any) -> Any:
        y = mb.mul(x=half(x), y=np.float16(500.0), name="large")
        y = mb.mul(x=y, y=y, name="square")
        y = mb.sqrt(x=mb.add(x=y, y=np.float16(1.0), name="still_large"))
        return single(mb.mul(x=y, y=np.float16(1e-3)))

    found = located(plans(build, (1, 8)), 1 + values(1, 8).abs())
    assert [op.outputs[0].name for op in found.chain] == ["square", "still_large"]
    assert found.suspects[0].lost == 8
    assert found.suspects[0].removed == 1.0
    assert found.explained is None


def test_an_overflow_that_changes_nothing_is_not_blamed(plans: Callable[..., Plans]) -> None:
    def build(x: Any) -> Any:
        y = half(x)
        masked = mb.mul(x=mb.cast(x=mb.greater(x=y, y=np.float16(100.0)), dtype="fp16"), y=np.float16(-6e4))
        y = mb.add(x=y, y=mb.mul(x=masked, y=np.float16(4.0), name="harmless"))
        return single(mb.softmax(x=mb.mul(x=y, y=np.float16(0.1)), axis=-1))

    x = values(2, 8)
    x[0, 3] = 500.0
    found = located(plans(build, (2, 8)), x)
    assert "harmless" not in [op.outputs[0].name for op in found.chain]


def test_a_path_through_integers_is_searched(plans: Callable[..., Plans]) -> None:
    def build(x: Any) -> Any:
        y = mb.mul(x=half(x), y=np.float16(333.0), name="rounded_here")
        whole = mb.cast(x=mb.cast(x=y, dtype="int32"), dtype="fp32")
        return mb.mul(x=whole, y=np.float32(0.01))

    found = located(plans(build, (4, 16)), (values(4, 16) * 7).half().float())
    assert not found.first_order
    assert found.suspects[0].op.outputs[0].name == "rounded_here"
    assert found.suspects[0].removed is not None
    assert found.suspects[0].removed > 0.5


def test_a_search_ends_at_the_op_that_takes_the_difference_away(plans: Callable[..., Plans]) -> None:
    def build(x: Any) -> Any:
        y = mb.mul(x=mb.add(x=half(x), y=np.float16(2000.0)), y=np.float16(1.0))
        for _ in range(4):
            y = mb.floor(x=mb.mul(x=y, y=np.float16(0.99)))
        return single(y)

    found = located(plans(build, (1, 64)), values(1, 64))
    assert not found.first_order
    tried = [each for each in found.suspects if each.removed is not None]
    assert tried
    assert all(each.weight < 0.9 for each in sorted(tried, key=lambda each: each.weight)[:-1])


def test_nothing_differs(plans: Callable[..., Plans]) -> None:
    found = located(plans(lambda x: mb.relu(x=x), (2, 4)), values(2, 4))
    assert found.suspects == ()
    assert found.distance == 0.0
    assert not found.first_order


def test_a_producer_is_named_for_the_activation_that_it_is_rounded_with(plans: Callable[..., Plans]) -> None:
    def build(x: Any) -> Any:
        y = mb.matmul(x=half(x), y=np.full((8, 8), 100, np.float16), name="product")
        return single(mb.relu(x=y))

    found = located(plans(build, (2, 8)), 200 + values(2, 8))
    assert found.suspects[0].op.outputs[0].name == "product"
    assert found.chain


def test_plans_of_other_steps_are_refused(plans: Callable[..., Plans]) -> None:
    first = plans(lambda x: mb.relu(x=x), (2, 4))
    other = plans(lambda x: mb.exp(x=x), (2, 4))
    with pytest.raises(FormatError):
        follow(first[0], other[1], {"x": values(2, 4)}, {})
    with pytest.raises(InputError):
        locate(*first, [])


def test_a_chain_without_overflow_is_empty(plans: Callable[..., Plans]) -> None:
    numerics, exact = plans(lambda x: single(mb.exp(x=half(x))), (2, 4))
    x = values(2, 4)
    run = follow(numerics, exact, {"x": x}, {"output": x.exp()})
    assert overflow_chain(numerics, exact, run, {"output": x.exp()}).links == ()


@pytest.mark.parametrize(
    ("found", "expected", "wanted"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 4.0], [1.0, 2.0], np.sqrt(0.5)),
        ([np.nan, 2.0], [np.nan, 2.0], 0.0),
        ([np.inf, 2.0], [np.inf, 2.0], 0.0),
        ([np.nan, 2.0], [1.0, 2.0], np.inf),
        ([np.inf, 2.0], [-np.inf, 2.0], np.inf),
        ([0.0, 3.0], [0.0, 0.0], np.sqrt(4.5)),
        ([], [], 0.0),
        ([1.0], [1.0, 2.0], np.inf),
    ],
)
def test_distance(found: list[float], expected: list[float], wanted: float) -> None:
    assert distance({"y": torch.tensor(found)}, {"y": torch.tensor(expected)}) == pytest.approx(wanted)


def test_distance_of_a_scalar_and_of_a_missing_output() -> None:
    assert distance({"y": torch.tensor(3.0)}, {"y": torch.tensor(2.0)}) == pytest.approx(0.5)
    assert distance({}, {"y": torch.tensor(2.0)}) == np.inf
    assert distance({}, {}) == 0.0


@pytest.mark.parametrize(
    ("before", "after", "part"),
    [
        (1.0, 0.25, 0.75),
        (1.0, 2.0, -1.0),
        (np.inf, 5.0, 1.0),
        (np.inf, np.inf, 0.0),
        (0.0, 0.0, 0.0),
        (1.0, np.inf, 0.0),
    ],
)
def test_removed(before: float, after: float, part: float) -> None:
    assert removed(before, after) == part
