"""Transposed convolutions in exact sums: each result is the sum over what it sees, in every geometry."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.products import PLAIN, Geometry

AXIS = st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))


def whole(*shape: int) -> Tensor:
    """Return small whole numbers, whose sums are exact in every accumulator."""
    return torch.from_numpy(torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(1)).float().numpy())


@given(st.lists(AXIS, min_size=1, max_size=3), st.sampled_from([1, 2]), st.booleans(), st.data())
@settings(max_examples=60, deadline=None)
def test_it_is_the_plain_one_where_sums_are_exact(
    axes: list[tuple[int, ...]], groups: int, has_bias: bool, data: st.DataObject
) -> None:
    sizes, kernels, strides, pads, dilations = (tuple(each) for each in zip(*axes, strict=True))
    pads = tuple(min(pad, (k - 1) * d // 2) for pad, k, d in zip(pads, kernels, dilations, strict=True))
    spare = [max(stride, dilation) - 1 for stride, dilation in zip(strides, dilations, strict=True)]
    lacking = tuple(data.draw(st.integers(0, most)) for most in spare)
    x, weight = whole(2, 2 * groups, *sizes), whole(2 * groups, 3, *kernels)
    bias, geometry = whole(3 * groups) if has_bias else None, Geometry(strides, pads, dilations, groups)
    wanted = PLAIN.conv_transpose(x, weight, bias, geometry, lacking)
    for kind in (FixedPoint(), SequentialFp16(), SequentialFp16(lanes=8).caching()):
        assert torch.equal(kind.conv_transpose(x, weight, bias, geometry, lacking), wanted)


@pytest.mark.parametrize("kind", [FixedPoint(), SequentialFp16()], ids=["fixed", "sequential"])
@pytest.mark.parametrize(("stride", "dilation"), [(2, 1), (3, 2), (2, 2), (1, 1)])
def test_each_result_is_summed_in_the_order_of_its_inputs(kind: ExactProducts, stride: int, dilation: int) -> None:
    """As the convolution of the inputs with zeros between them, which add nothing."""
    draw = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(*shape, generator=draw).half().float() for shape in ((1, 4, 9), (4, 5, 5)))
    spread = torch.zeros(1, 4, 8 * stride + 1)
    spread[..., ::stride] = x
    around = F.pad(spread, (4 * dilation, 4 * dilation))
    wanted = kind.conv(around, weight.transpose(0, 1).flip(2), None, Geometry((1,), (0,), (dilation,), 1))
    found = kind.caching().conv_transpose(x, weight, None, Geometry((stride,), (0,), (dilation,), 1), (0,))
    assert torch.equal(found, wanted)
