"""Products with packed matrices, against float64, for shapes that fill tiles and shapes that do not."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.engine.numerics.kernels import team
from mlparity.engine.numerics.kernels.fp32_products import LONGEST
from mlparity.engine.runtime.optimised.matrix import PackedMatrix, packed_matrix
from mlparity.engine.runtime.optimised.packed import Follows, Scratch

UNIT = 2.0**-24


def _matrix(columns: int, length: int, *, bias: bool = True) -> tuple[PackedMatrix, np.ndarray, np.ndarray]:
    random = np.random.default_rng(columns * 1000 + length)
    weight = random.standard_normal((columns, length)).astype(np.float32)
    offset = random.standard_normal(columns).astype(np.float32) if bias else np.zeros(columns, np.float32)
    given = torch.from_numpy(offset) if bias else None
    return packed_matrix(torch.from_numpy(weight), given, Scratch()), weight, offset


def _x(rows: int, length: int) -> np.ndarray:
    return np.random.default_rng(rows).standard_normal((rows, length)).astype(np.float32)


def _check(rows: int, columns: int, length: int, *, bias: bool = True) -> None:
    matrix, weight, offset = _matrix(columns, length, bias=bias)
    x = _x(rows, length)
    found = matrix.times(torch.from_numpy(x)).numpy()
    exact = x.astype(np.float64) @ weight.T.astype(np.float64) + offset
    size = np.abs(x.astype(np.float64)) @ np.abs(weight.T) + np.abs(offset)
    # one part after the other: the longest chain of roundings is a part, the parts and the bias
    bound = (min(length, LONGEST) + -(-length // LONGEST) + 1) * UNIT * size
    assert found.shape == exact.shape
    assert (np.abs(found - exact) <= bound).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40), st.integers(1, 120), st.integers(1, 500))
def test_a_product_is_that_of_float64_but_for_its_roundings(rows: int, columns: int, length: int) -> None:
    _check(rows, columns, length)


@pytest.mark.parametrize(
    ("rows", "columns", "length"),
    [(64, 384, 1536), (3136, 24, 144), (49, 960, 160), (1, 1000, 1280), (12544, 16, 32), (7, 17, 2 * LONGEST)],
)
def test_sizes_of_real_networks(rows: int, columns: int, length: int) -> None:
    _check(rows, columns, length, bias=False)


def test_the_result_does_not_depend_on_threads_or_parts() -> None:
    matrix, _, _ = _matrix(200, 700)
    x, before = torch.from_numpy(_x(333, 700)), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(matrix.times(x))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(each, results[0]) for each in results)


def test_threads_of_our_own_do_the_same_where_pytorch_has_no_openmp(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, _, _ = _matrix(200, 700)
    x, before = torch.from_numpy(_x(333, 700)), torch.get_num_threads()
    monkeypatch.setattr(team, "openmp", lambda: None)
    try:
        torch.set_num_threads(2)
        found = matrix.times(x)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found, matrix.times(x))


@pytest.mark.parametrize("columns", [16, 21, 48, 70])
def test_results_are_rounded_to_nearest_even_and_then_limited(columns: int) -> None:
    matrix, _, _ = _matrix(columns, 300)
    x = torch.from_numpy(_x(19, 300))
    plain = matrix.times(x)
    rounded = matrix.followed_by(Follows(rounds=True)).times(x)
    assert torch.equal(rounded, plain.half().float())
    limited = matrix.followed_by(Follows((0.0, 6.0), rounds=True)).times(x)
    assert torch.equal(limited, plain.half().float().clamp(0.0, 6.0))
    assert torch.equal(matrix.followed_by(Follows((0.0, math.inf))).times(x), plain.relu())


def test_nan_stays_and_infinity_is_limited() -> None:
    matrix, weight, _ = _matrix(16, 4)
    x = torch.tensor([[math.nan, 0.0, 0.0, 0.0], [math.inf, 0.0, 0.0, 0.0], [1e30, 0.0, 0.0, 0.0]])
    found = matrix.followed_by(Follows((-1.0, 1.0), rounds=True)).times(x).numpy()
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1:], np.sign(weight[:, 0])[None].repeat(2, 0))
    beyond = matrix.followed_by(Follows(rounds=True)).times(x[2:]).numpy()
    np.testing.assert_array_equal(beyond, np.sign(weight[:, 0])[None] * np.inf)


def test_what_does_not_fit_is_refused_before_a_kernel_reads_it() -> None:
    matrix, _, _ = _matrix(16, 4)
    with pytest.raises(ValueError, match="4 columns"):
        matrix.times(torch.zeros(2, 5))
    with pytest.raises(ValueError, match="fp32"):
        matrix.times(torch.zeros(2, 4, dtype=torch.float64))
    assert matrix.times(torch.zeros(2, 3, 0, 4)).shape == (2, 3, 0, 16)


def test_the_order_of_axes_in_memory_does_not_matter() -> None:
    matrix, _, _ = _matrix(33, 24)
    x = torch.from_numpy(_x(24, 40)).T
    assert torch.equal(matrix.times(x), matrix.times(x.contiguous()))


NARROW = """
import torch
from mlparity.engine.numerics.kernels import fp32_tile
from mlparity.engine.runtime.optimised.packed import Scratch
from mlparity.engine.runtime.optimised.matrix import packed_matrix
assert (fp32_tile.HEIGHT, fp32_tile.WIDTH) == (6, 1)
generator = torch.Generator().manual_seed(0)
weight, x = torch.randn(75, 410, generator=generator), torch.randn(29, 410, generator=generator)
found, exact = packed_matrix(weight, None, Scratch()).times(x), x.double() @ weight.T.double()
assert (found - exact).abs().max() < 1e-4, (found - exact).abs().max()
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the features are those of x86")
def test_processors_without_avx512_have_smaller_tiles(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+f16c,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", NARROW], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
