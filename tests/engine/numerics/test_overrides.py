"""What a unit makes of single ops: sums that are stored in fp16 on the way."""

from __future__ import annotations

import pytest
import torch

from mlparity.engine.numerics.overrides import log_sum_exp_unshifted, narrow_sum
from mlparity.engine.ops.reduction import reduce_log_sum_exp, reduce_sum


def test_a_sum_of_exponentials_falls_to_zero_where_fp16_ends() -> None:
    x = torch.tensor([[7.6171875], [7.6328125]]).expand(2, 32)  # 32 exp(x) is 65081 and 66105
    found = log_sum_exp_unshifted(reduce_log_sum_exp, x=x, axes=(1,))
    assert found[0] == pytest.approx(11.083, abs=1e-3)
    assert found[1] == 0
    assert log_sum_exp_unshifted(reduce_log_sum_exp, x=x, axes=[-1], keep_dims=True).shape == (2, 1)


def test_a_sum_in_fp16_is_exact_up_to_2048_and_then_rounds_each_one_up_to_two() -> None:
    ones = torch.ones(1, 3000, 2)
    assert narrow_sum(reduce_sum, x=ones, axes=[1]).tolist() == [[3952.0, 3952.0]]


@pytest.mark.parametrize(("axes", "keep_dims"), [(None, False), ([1], True), ([-1, 0], False), ([0, 2], True)])
def test_short_sums_are_those_of_the_op(axes: list[int] | None, keep_dims: bool) -> None:
    x = torch.arange(24.0).reshape(2, 3, 4)
    dims = None if axes is None else tuple(axes)
    assert torch.equal(narrow_sum(reduce_sum, x=x, axes=axes, keep_dims=keep_dims), reduce_sum(x, dims, keep_dims))
    assert narrow_sum(reduce_sum, x=x[:, :0], axes=[1]).tolist() == [[0.0] * 4] * 2
