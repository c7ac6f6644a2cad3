"""The compiled accumulators against exact fractions, and every shape of product against plain rows of one."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.products import PLAIN, Geometry
from tests.oracles import accumulators as oracle

SCALES = (2.0**-16, 2.0**-9, 2.0**-4, 1.0, 2.0**6, 2.0**9)
KINDS = (FixedPoint(), SequentialFp16(), SequentialFp16(lanes=8))
IDS = ("fixed", "sequential", "eight lanes")


def drawn(
    seed: int, rows: int, length: int, columns: int, x_scale: float, w_scale: float, coarse: bool
) -> list[np.ndarray]:
    """Return x, weights and bias in fp16; coarse ones have few bits, so that halves are frequent."""
    rng = np.random.default_rng(seed)
    shapes = ((rows, length), (columns, length), (columns,))
    normal = [rng.standard_normal(shape) for shape in shapes]
    if coarse:
        normal = [np.round(each * 4) / 4 * np.exp2(rng.integers(-5, 3, each.shape)) for each in normal]
    return [(each * scale).astype(np.float16) for each, scale in zip(normal, (x_scale, w_scale, x_scale), strict=True)]


def tensors(arrays: list[np.ndarray]) -> list[torch.Tensor]:
    return [torch.from_numpy(each.astype(np.float32)) for each in arrays]


CASES = st.tuples(
    st.integers(0, 2**31),
    st.integers(1, 11),
    st.integers(1, 24),
    st.sampled_from((1, 3, 17)),
    *[st.sampled_from(SCALES)] * 2,
    st.booleans(),
)


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_fixed_point_is_what_the_rules_say(case: tuple[int, int, int, int, float, float, bool]) -> None:
    x, w, b = drawn(*case)
    rows, weights, bias = tensors([x, w, b])
    found = FixedPoint().rows(rows, weights, bias).numpy()
    wanted = [[oracle.fixed_point(row, column, start) for column, start in zip(w, b, strict=True)] for row in x]
    assert np.array_equal(found, np.array(wanted))


@pytest.mark.parametrize("lanes", [1, 8])
@given(CASES)
@settings(max_examples=40, deadline=None)
def test_sequential_fp16_rounds_once_a_step(lanes: int, case: tuple[int, int, int, int, float, float, bool]) -> None:
    x, w, b = drawn(*case)
    with np.errstate(over="ignore"):
        x, w = np.clip(x, -64, 64), np.clip(w, -64, 64)  # sums stay finite: the oracle's fractions have no infinity
    rows, weights, bias = tensors([x, w, b])
    found = SequentialFp16(lanes=lanes).rows(rows, weights, bias).numpy()
    columns = list(zip(w, b, strict=True))
    wanted = [[oracle.sequential(row, column, start, lanes) for column, start in columns] for row in x]
    assert np.array_equal(found, np.array(wanted))


def test_lanes_that_no_kernel_has_are_refused() -> None:
    with pytest.raises(ValueError, match="1 lane or 8; found 4"):
        SequentialFp16(lanes=4)


def test_a_partial_sum_that_reaches_the_limit_stays_infinite_and_order_matters() -> None:
    w = torch.ones(1, 4)
    rows = torch.tensor([[16384.0, 16384, -16384, -16384], [16384, -16384, 16384, -16384], [-32768, 1, 0, 0]])
    assert FixedPoint().rows(rows, w, None).flatten().tolist() == [math.inf, 0.0, -math.inf]


@pytest.mark.parametrize("lanes", [1, 8])
def test_a_sum_that_grows_by_twice_its_products_stays_in_the_tile_and_is_exact(lanes: int) -> None:
    """Each product is a little more than half a place of the sum, so that it moves by a whole one."""
    start, length = 2048.0, 4096
    products, total = np.zeros(length), start
    for k in range(0, length, lanes):
        place = 2.0 ** (math.floor(math.log2(total)) - 10)
        products[k] = place * 0.5009765625 if total + place < 32768 else 0.0
        total += place if products[k] else 0.0
    rows, weights = tensors([products[None].astype(np.float16), np.ones((3, length), np.float16)])
    found = SequentialFp16(lanes=lanes).rows(rows, weights, torch.full((3,), start))
    assert total > start + 1.9 * products.sum()
    assert found.tolist() == [[total] * 3]


@pytest.mark.parametrize("length", [20_000, 70_000])
def test_long_sums_are_as_those_of_the_loop_in_order(length: int) -> None:
    x, w, b = (values(*shape, seed=length) for shape in ((2, length), (3, length), (3,)))
    w *= 2.0**-7
    found = SequentialFp16(lanes=8).rows(x, w, b)
    beyond = torch.tensor([[60000.0], [-60000.0]])  # its products with 2 take a line out of the tiles, and undo nothing
    far_x, far_w = torch.cat([x, beyond, -beyond], 1), torch.cat([w, torch.zeros(3, 2)], 1)
    far_w[2, -2:] = 2.0
    in_order = SequentialFp16(lanes=8).rows(far_x, far_w, b)
    assert torch.equal(found[:, :2], in_order[:, :2])
    assert found.isfinite().all()


def test_infinities_and_nan_are_numbers_to_the_fixed_point_and_themselves_to_fp16() -> None:
    x, w = torch.tensor([[math.inf], [math.nan], [-math.inf]]), torch.tensor([[2.0**-12]])
    assert FixedPoint().rows(x, w, None).flatten().tolist() == [16.0, 24.0, -16.0]
    found = SequentialFp16().rows(x, w, None).flatten()
    assert found[[0, 2]].tolist() == [math.inf, -math.inf]
    assert found[1].isnan()


def test_no_rows_and_no_products_are_the_bias_alone() -> None:
    for kind in KINDS:
        assert kind.rows(torch.empty(0, 3), torch.ones(2, 3), None).shape == (0, 2)
        assert kind.rows(torch.empty(2, 0), torch.empty(1, 0), torch.tensor([1.5])).tolist() == [[1.5], [1.5]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolution_of_no_images_gives_none(kind: ExactProducts, groups: int) -> None:
    x, weight = torch.empty(0, 4, 5, 5), torch.ones(4, 4 // groups, 3, 3)
    geometry = Geometry((1, 1), (1, 1), (1, 1), groups)
    assert kind.conv(x, weight, torch.ones(4), geometry).shape == (0, 4, 5, 5)
    assert kind.conv_transpose(x, weight, None, geometry, (0, 0)).shape == (0, 4, 5, 5)


def values(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    drawn_values = np.random.default_rng(seed).standard_normal(shape) * scale
    return torch.from_numpy(drawn_values.astype(np.float16).astype(np.float32))


def by_rows(kind: ExactProducts, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, g: Geometry) -> torch.Tensor:
    """Return a convolution of two axes from PyTorch's own patches, group by group."""
    parts = []
    for part, kernel, offset in zip(x.chunk(g.groups, 1), w.chunk(g.groups), b.chunk(g.groups), strict=True):
        patches = F.unfold(part, w.shape[2:], g.dilations, g.pad, g.strides)
        sums = [kind.rows(each.T.contiguous(), kernel.flatten(1), offset).T for each in patches]
        parts.append(torch.stack(sums))
    size = PLAIN.conv(x, w, b, g).shape[2:]
    return torch.cat(parts, 1).unflatten(2, size)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize(
    ("channels", "out", "groups", "strides", "pad", "dilations"),
    [(6, 5, 1, (1, 1), (1, 1), (1, 1)), (6, 4, 2, (2, 1), (0, 2), (1, 2)), (6, 6, 6, (2, 2), (1, 1), (1, 1))],
)
def test_a_convolution_sums_each_patch(
    kind: ExactProducts,
    channels: int,
    out: int,
    groups: int,
    strides: tuple[int, int],
    pad: tuple[int, int],
    dilations: tuple[int, int],
) -> None:
    geometry = Geometry(strides, pad, dilations, groups)
    for scale in (1.0, 200.0):
        x, w, b = (
            values(2, channels, 9, 8, scale=scale),
            values(out, channels // groups, 3, 3, seed=1, scale=scale),
            values(out),
        )
        found, wanted = kind.conv(x, w, b, geometry), by_rows(kind, x, w, b, geometry)
        torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_convolution_of_single_channels_along_one_axis_sums_each_patch(kind: ExactProducts) -> None:
    x, w, b = values(1, 5, 20), values(5, 1, 3, seed=1), values(5)
    found = kind.conv(x, w, b, Geometry((1,), (1,), (1,), 5))
    wanted = by_rows(kind, x.unsqueeze(2), w.unsqueeze(2), b, Geometry((1, 1), (0, 1), (1, 1), 5))
    assert torch.equal(found, wanted.squeeze(2))


@pytest.mark.parametrize("x_scale", [2.0**-16, 2.0**-9, 1.0])
def test_a_processor_that_flushes_subnormal_numbers_changes_nothing(x_scale: float) -> None:
    x, w, b = tensors(drawn(0, 9, 7, 17, x_scale, 2.0**-9, coarse=False))
    wanted = SequentialFp16().rows(x, w, b)
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush")
    try:
        found = SequentialFp16().rows(x, w, b)
    finally:
        torch.set_flush_denormal(False)
    assert torch.equal(found, wanted)


def test_a_line_that_may_overflow_is_summed_in_order_and_the_others_by_tile() -> None:
    x, w = values(13, 40, scale=120.0), values(18, 40, seed=1, scale=120.0)
    x[3], x[7, 5] = 0.25, math.nan
    whole = SequentialFp16().rows(x, w, None)
    alone = torch.cat([SequentialFp16().rows(row.unsqueeze(0), w, None) for row in x])
    torch.testing.assert_close(whole, alone, rtol=0, atol=0, equal_nan=True)
    assert whole[7].isnan().all()
    assert whole.isinf().any()


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_cached_weights_change_nothing(kind: ExactProducts) -> None:
    x, w, b = values(2, 4, 6, 6), values(4, 4, 3, 3, seed=1), values(4, seed=2)
    g, once = Geometry((1, 1), (1, 1), (1, 1), 1), kind.caching()
    for _ in range(2):
        assert torch.equal(once.conv(x, w, b, g), kind.conv(x, w, b, g))


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_other_products_are_near_the_plain_ones(kind: ExactProducts) -> None:
    x, y = values(2, 1, 5, 6), values(3, 6, 4, seed=1)
    assert_near = partial(torch.testing.assert_close, rtol=4e-3, atol=4e-3)
    assert_near(kind.matmul(x, y), x @ y)
    assert_near(kind.matmul(x[0, 0, 0], y[0]), x[0, 0, 0] @ y[0])
    assert_near(kind.matmul(x, y[0, :, 0]), x @ y[0, :, 0])
    assert_near(kind.linear(x, y[0].mT, None), x @ y[0])
    a, b = values(2, 3, 4, 5), values(2, 5, 4, 6, seed=3)
    equation = "nchw,nwhu->nchu"
    assert_near(kind.einsum(equation, [a, b]), torch.einsum(equation, a, b))
    w, g = values(4, 3, 3, 2, seed=4), Geometry((2, 1), (1, 0), (1, 2), 2)
    image = values(1, 4, 5, 6, seed=5)
    assert_near(kind.conv_transpose(image, w, None, g, (1, 0)), PLAIN.conv_transpose(image, w, None, g, (1, 0)))
    q, k, v = values(1, 2, 4, 8), values(1, 2, 5, 8, seed=6), values(1, 2, 5, 8, seed=7)
    assert_near(kind.attention(q, k, v, None), PLAIN.attention(q, k, v, None))


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_what_does_not_fit_is_refused_and_not_read_past_its_end(kind: ExactProducts) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        kind.rows(torch.ones(9, 8), torch.ones(3, 4), None)
    with pytest.raises(ValueError, match="do not fit"):
        kind.rows(torch.ones(9, 4), torch.ones(3, 4), torch.ones(2))
    g = Geometry((1, 1), (0, 0), (1, 1), 1)
    with pytest.raises(ValueError, match="do not fit"):
        kind.conv(torch.ones(1, 6, 9, 9), torch.ones(3, 4, 3, 3), None, g)


def test_an_einsum_that_is_no_product_of_two_is_refused() -> None:
    with pytest.raises(ValueError, match="no product of two"):
        FixedPoint().einsum("ij,jk,kl->il", [torch.ones(2, 2)] * 3)


def test_winograd_sums_the_transformed_products() -> None:
    x, w, b = values(1, 3, 5, 7), values(2, 3, 3, 3, seed=1), values(2, seed=2)
    found = FixedPoint(winograd=True).conv(x, w, b, Geometry((1, 1), (1, 1), (1, 1), 1))
    padded = F.pad(x, (1, 2, 1, 1)).half().numpy()
    kernel = w.half().numpy()
    for o, row, column in ((0, 0, 0), (1, 4, 6), (0, 2, 3), (1, 3, 2)):
        pair, odd = column // 2, column % 2
        xs, ws = [], []
        for c in range(3):
            for k in range(3):
                d = [oracle.decoded(each)[0] for each in padded[0, c, row + k, 2 * pair : 2 * pair + 4]]
                g = [oracle.decoded(each)[0] for each in kernel[o, c, k]]
                v = (d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3])
                u = (g[0], (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2, g[2])
                signs = (0, 1, -1, -1) if odd else (1, 1, 1, 0)
                xs += [np.float16(oracle.to_fp16(each, away=True)) for each in v]
                ws += [np.float16(sign * oracle.to_fp16(each, away=True)) for sign, each in zip(signs, u, strict=True)]
        assert found[0, o, row, column] == oracle.fixed_point(xs, ws, np.float16(b[o].item()))


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_many_matrices_are_summed_as_each_of_them(kind: ExactProducts) -> None:
    """Rows fill no tile, columns no block, and the second matrix of three has products too large for a tile."""
    x, y = values(3, 5, 7), values(3, 7, 18, seed=1)
    x[1] = x[1].abs() * 2.0**9
    y[1] = y[1].abs() * 2.0**9
    found = kind.matmul(x, y)
    assert torch.equal(found, torch.stack([kind.rows(a, b.mT, None) for a, b in zip(x, y, strict=True)]))
    assert not found[1].isfinite().all()


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_attention_keeps_neither_keys_nor_values(kind: ExactProducts) -> None:
    query, key, value = (values(1, 2, 6, 16, seed=seed) for seed in range(3))
    kept = kind.caching()
    for _ in range(2):
        assert torch.equal(kept.attention(query, key, value, None), kind.attention(query, key, value, None))
        key = key + 1
