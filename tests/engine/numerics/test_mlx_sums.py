"""MLX's orders: where sums are cut, which convolutions are transformed, and that all of them are the same product."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mlparity.engine.numerics import mlx_winograd
from mlparity.engine.numerics.mlx_sums import MlxSums
from mlparity.engine.numerics.other_paths import PATHS
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.wide_sums import in_order
from tests.evidence.fingerprints import mlx_path

CUTS = [
    (MlxSums(), (64, 256, 256), [0, 128, 256]),
    (MlxSums(), (64, 64, 100), [0, 100]),  # short
    (MlxSums(), (16, 16, 4096), [*range(0, 4097, 128)]),  # the most parts there are
    (MlxSums(), (60, 60, 330), [*range(0, 225, 32), 330]),  # eight parts, the rest in the last
    (MlxSums(), (512, 1024, 1024), [0, 1024]),
    (MlxSums(few_tiles=2048), (512, 1024, 1024), [0, 512, 1024]),
    (MlxSums(tensor_units=True), (512, 512, 512), [0, 512]),
    (MlxSums(tensor_units=True), (256, 256, 1024), [0, 512, 1024]),
    (MlxSums(tensor_units=True), (64, 64, 5000), [0, 4096, 5000]),
]


def _drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).half().float()


@pytest.mark.parametrize(("products", "sizes", "cuts"), CUTS)
def test_sums_are_cut_by_the_size_of_the_result(
    products: MlxSums, sizes: tuple[int, int, int], cuts: list[int]
) -> None:
    assert products._cuts(*sizes) == cuts


def test_parts_are_added_in_their_order() -> None:
    x, w = _drawn(64, 256), _drawn(256, 256)
    parts = in_order(x[:, :128], w[:, :128]) + in_order(x[:, 128:], w[:, 128:])
    assert torch.equal(MlxSums().linear(x, w, None), parts)
    assert not torch.equal(parts, in_order(x, w))


def test_one_row_is_summed_in_eight_lanes_that_are_added_by_halves() -> None:
    x, w = _drawn(1, 64), _drawn(6, 64)
    lanes = [in_order(x[:, each], w[:, each]) for each in torch.arange(64).reshape(2, 8, 4).transpose(0, 1).flatten(1)]
    by_fours = [lanes[i] + lanes[i + 4] for i in range(4)]
    expected = (by_fours[0] + by_fours[2]) + (by_fours[1] + by_fours[3])
    assert torch.equal(MlxSums().linear(x, w, None), expected)


def test_fp32_values_lose_thirteen_places_on_tensor_units_alone() -> None:
    x, w = torch.full((2, 16), 1 + 2.0**-12), torch.ones(2, 16)
    assert MlxSums(tensor_units=True, half=False).linear(x, w, None).unique().tolist() == [16.0]
    assert MlxSums(half=False).linear(x, w, None).unique().tolist() == [16 + 2.0**-8]


@pytest.mark.parametrize(
    ("channels", "out", "size", "groups", "stride"),
    [(32, 8, 9, 1, 1), (5, 7, 9, 1, 2), (4, 4, 8, 4, 1), (128, 128, 66, 1, 1)],
)
def test_a_convolution_is_the_same_product_in_another_order(
    channels: int, out: int, size: int, groups: int, stride: int
) -> None:
    x, w, bias = _drawn(1, channels, size, size), _drawn(out, channels // groups, 3, 3) / 8, _drawn(out)
    geometry = Geometry((stride, stride), (1, 1), (1, 1), groups)
    found = MlxSums(half=False).conv(x, w, bias, geometry)
    exact = F.conv2d(x.double(), w.double(), bias.double(), stride, 1, 1, groups)
    assert found.shape == exact.shape
    assert (found - exact).abs().max() < 2e-5 * exact.abs().max()
    assert mlx_winograd.is_chosen(x, w, geometry) == (channels == 128)


def test_a_transformed_convolution_in_fp16_errs_far_more_than_a_direct_one() -> None:
    x, w = _drawn(1, 128, 64, 64), (_drawn(128, 128, 3, 3) / 24).half().float()
    geometry = Geometry((1, 1), (1, 1), (1, 1), 1)
    exact = F.conv2d(x.double(), w.double(), None, 1, 1)
    direct = F.conv2d(x, w, None, 1, 1).half()
    found = MlxSums().conv(x, w, None, geometry).half()
    errors = [float((each.double() - exact).norm() / exact.norm()) for each in (direct, found)]
    assert errors[1] > 10 * errors[0]


def test_paths_are_by_generation_and_are_no_members_of_a_setting() -> None:
    from mlparity.engine.numerics.unit_profiles import UNIT_PROFILES

    assert [mlx_path(chip, large=False).name for chip in ("M1", "M3", "M5", "M6")] == [
        *("mlx-simd", "mlx-simd", "mlx-tensor", "mlx-tensor")
    ]
    assert mlx_path("M4", large=True).name == "mlx-simd-large"
    assert not {unit_profile.name for unit_profile in UNIT_PROFILES} & set(PATHS)
    with pytest.raises(KeyError):
        mlx_path("A17 Pro", large=False)
