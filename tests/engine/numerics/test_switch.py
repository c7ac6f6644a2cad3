"""With the compiled kernels turned off, PyTorch's own ops give the same bits, and no kernel is called."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.kernels import threads
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.rounding import compiles_fp16, half_away, half_even_in_place
from mlparity.engine.numerics.switch import SWITCH, uses_kernels
from mlparity.engine.numerics.wide_sums import in_order, in_sixteens

SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 65504.0, 2.0**-24, 2.0**-149, 3.4e38, 1 / 3)


def drawn(*shape: int, seed: int = 0, wide: bool = False) -> Tensor:
    """Numbers of many sizes; those of fp16 unless `wide`."""
    random = np.random.default_rng(seed)
    numbers = random.standard_normal(shape) * 2.0 ** random.integers(-8, 8, shape)
    return torch.from_numpy(numbers.astype(np.float32 if wide else np.float16).astype(np.float32))


GROUPED = Geometry(strides=(1, 1), dilations=(1, 1), pad=(1, 1), groups=4)
OPS: dict[str, Callable[[], Tensor]] = {
    "fixed point": lambda: FixedPoint().rows(drawn(5, 70), drawn(9, 70, seed=1), drawn(9, seed=2)),
    "sequential": lambda: SequentialFp16().rows(drawn(5, 70), drawn(9, 70, seed=1), drawn(9, seed=2)),
    "eight lanes": lambda: SequentialFp16(lanes=8).rows(drawn(5, 70), drawn(9, 70, seed=1), None),
    "depthwise": lambda: SequentialFp16().conv(drawn(2, 4, 5, 6), drawn(4, 1, 3, 3, seed=1), drawn(4, seed=2), GROUPED),
    "in order": lambda: in_order(drawn(7, 300, wide=True), drawn(11, 300, seed=1, wide=True)),
    "special, in order": lambda: in_order(torch.tensor([SPECIAL, SPECIAL[::-1]]), torch.tensor([[1.5] * len(SPECIAL)])),
    "subnormal, in order": lambda: in_order(torch.full((1, 9), 2.0**-75), torch.full((1, 9), 3 * 2.0**-74)),
    "in sixteens": lambda: in_sixteens(drawn(7, 300, wide=True), drawn(11, 300, seed=1, wide=True)),
    "half away": lambda: half_away(torch.cat((drawn(3000, wide=True), torch.tensor(SPECIAL)))),
    "half even": lambda: half_even_in_place(drawn(1 << 17, wide=True)),
    "nothing": lambda: in_order(torch.zeros(2, 0), torch.zeros(3, 0)),
}


@pytest.mark.parametrize("name", OPS)
def test_the_bits_are_the_kernels(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = OPS[name]()
    monkeypatch.setenv(SWITCH, "off")
    monkeypatch.setattr(threads, "over_rows", _called)
    np.testing.assert_array_equal(OPS[name]().numpy(), expected.numpy())


def _called(*_: object) -> None:
    pytest.fail("a kernel was called")


@pytest.mark.parametrize(("value", "is_on"), [("off", False), (" OFF ", False), ("on", True), ("", True)])
def test_it_is_off_where_the_environment_says_so(value: str, is_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, value)
    assert uses_kernels(torch.device("cpu")) is is_on
    assert not uses_kernels(torch.device("meta"))
    if not is_on:
        assert not compiles_fp16(torch.device("cpu")), "no optimised step is chosen"
