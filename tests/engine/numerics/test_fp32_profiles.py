"""What a GPU may make of fp32: operands of TF32, fast functions, and no subnormals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
import torch
import torch.nn.functional as F  # PyTorch's own name for it
from torch import Tensor

from mlparity.core.words import Confidence
from mlparity.engine.numerics.fp32_profiles import FAST, FP32_PROFILES, IEEE, flushed, fp32_profiles_of
from mlparity.engine.numerics.tf32 import Tf32, cut_to_tf32

EXACT: Mapping[str, Callable[[Tensor], Tensor]] = {
    "exp": torch.exp,
    "log": torch.log,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "tanh": torch.tanh,
}


def _drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


def test_tf32_keeps_ten_places_and_every_special_value() -> None:
    assert cut_to_tf32(torch.tensor([1 + 2.0**-10, 1 + 2.0**-10 + 2.0**-11])).tolist() == [1 + 2.0**-10] * 2
    special = torch.tensor([math.inf, -math.inf, 0.0, -0.0, 65504.0])
    assert torch.equal(cut_to_tf32(special), special)
    assert cut_to_tf32(torch.tensor([math.nan])).isnan().all()
    whole = torch.tensor([1, 2])
    assert cut_to_tf32(whole) is whole


def test_each_matrix_product_takes_cut_operands_and_a_convolution_does_not() -> None:
    x, y, products = _drawn(4, 8), _drawn(8, 8), Tf32()
    cut, weight = cut_to_tf32(x) @ cut_to_tf32(y), y.T.contiguous()
    assert not torch.equal(cut, x @ y)
    assert torch.equal(products.matmul(x, y), cut)
    assert torch.equal(products.einsum("ab,bc->ac", [x, y]), cut)
    assert torch.equal(products.linear(x, weight, None), F.linear(cut_to_tf32(x), cut_to_tf32(weight)))
    assert "conv" not in vars(Tf32)


@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_attention_is_that_of_the_op_up_to_tf32(mask: str | None) -> None:
    query, key, value = (_drawn(2, 3, 5, 8) + n for n in range(3))
    masks = {None: None, "bool": torch.ones(5, 5).tril().bool(), "float": _drawn(5, 5)}
    found = Tf32().attention(query, key, value, masks[mask])
    exact = F.scaled_dot_product_attention(query, key, value, masks[mask])
    assert 0 < (found - exact).abs().max() < 1e-2


def test_subnormals_become_zero_and_nothing_else_changes() -> None:
    least = 2.0**-126
    x = torch.tensor([least, -least, least / 2, -least / 2, 0.0, math.inf, 1.0])
    assert flushed(x).tolist() == [least, -least, 0.0, 0.0, 0.0, math.inf, 1.0]
    assert flushed(torch.tensor([math.nan])).isnan().all()


@pytest.mark.parametrize("name", FAST)
def test_fast_functions_err_by_a_few_units_more_for_large_arguments(name: str) -> None:
    x = torch.linspace(0.01, 80, 4001)
    exact = EXACT[name](x.double())
    error = ((FAST[name](x).double() - exact) / exact).abs()
    assert 0 < error.max() < 1e-4
    ends = torch.tensor([-math.inf, math.inf, math.nan])
    assert torch.equal(FAST[name](ends).isnan(), EXACT[name](ends).isnan()) or name == "silu"


def test_each_profile_says_how_well_it_is_known() -> None:
    assert [profile.profile.confidence for profile in FP32_PROFILES] == [
        Confidence.DOCUMENTED,
        Confidence.ASSUMED,
        Confidence.ASSUMED,
    ]
    assert all(profile.switches["accumulator"].evidence and profile.profile.source for profile in FP32_PROFILES)
    assert fp32_profiles_of(["M5"], fast=True) == (IEEE,)
    assert [each.name for each in fp32_profiles_of(["M5"])] == ["gpu-fp32-ieee", "gpu-fp32-tf32", "gpu-fp32-fast"]
    assert [each.name for each in fp32_profiles_of(["M4"])] == ["gpu-fp32-ieee", "gpu-fp32-fast"]
