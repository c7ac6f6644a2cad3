"""Compression by coremltools: every name makes a package whose weights are what coremltools itself decompresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from mlparity.core.errors import ConversionError, InputError, MlparityError
from mlparity.core.words import Precision
from mlparity.diagnose.compressed_weights import compressed
from mlparity.targets.compressor import Compression, CompressionRequest
from mlparity.targets.coreml.compression import base_target, compress, stored_weights
from mlparity.targets.coreml.compression_methods import KNOWN, USUAL, method_of
from mlparity.targets.coreml.palettes import palette
from mlparity.targets.coreml.quiet_coremltools import quiet
from mlparity.targets.table import target_named
from mlparity.targets.target import Request
from mlparity.verification.explain_package import plans_of
from tests.loading import load_source

SAMPLE = {"x": np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 32, 3), nn.Linear(32, 96)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.second(torch.relu(self.first(x)))).mean((2, 3)))


class Small(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.first(x)


def converted(folder: Path, target: str, module: nn.Module | None = None) -> Path:
    path = folder / f"{target}.mlpackage"
    source = load_source((Net() if module is None else module).eval(), SAMPLE)
    target_named("coreml").convert(Request(source, [SAMPLE], Precision.FP16, path, target))
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return converted(tmp_path_factory.mktemp("base"), "iOS18")


def expanded(package: Path) -> dict[str, np.ndarray]:
    return {each.key: each.value.numpy() for each in compressed(plans_of(package).exact)}


def decompressed(package: Path) -> dict[str, np.ndarray]:
    """Return the constants of a package as coremltools itself decompresses them."""
    with quiet() as coremltools:
        model = coremltools.models.MLModel(str(package), skip_model_load=True)
        program = coremltools.optimize.coreml.decompress_weights(model)._mil_program
    ops = program.functions["main"].operations
    return {op.outputs[0].name: np.asarray(op.outputs[0].val) for op in ops if op.op_type == "const"}


@pytest.mark.parametrize("name", [*USUAL, "int8-block16", "palettize4-group16", "prune33"])
def test_weights_are_what_coremltools_decompresses(name: str, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.mlpackage"
    done = compress(CompressionRequest(base, path, Compression(name)))
    ours, theirs = expanded(path), decompressed(path)
    assert len(ours) == 2, "the weights of more than 2,048 elements"
    assert done["compressed_weights"] == "2 of 2"
    for key, values in ours.items():
        np.testing.assert_array_equal(values.astype(np.float16), theirs[key].astype(np.float16))
    assert stored_weights(path)[0] == 2


def test_each_usual_name_is_known() -> None:
    assert all(KNOWN.fullmatch(name) for name in USUAL)


@pytest.mark.parametrize("name", ["", "int5", "palettize5", "palettize", "prune0", "prune100", "int4-block0", "INT8"])
def test_other_names_are_not(name: str) -> None:
    assert KNOWN.fullmatch(name) is None
    with pytest.raises(InputError, match="no such compression"):
        method_of(name)


@pytest.mark.parametrize(
    ("name", "asked", "base"),
    [
        ("palettize4", None, None),
        ("palettize4", "iOS17", "iOS17"),
        ("int4-block32", None, "iOS18"),
        ("int4-block32", "iOS18", "iOS18"),
        ("int4-block32", "macOS15", "macOS15"),
    ],
)
def test_the_deployment_target_is_the_oldest_that_stores_it(name: str, asked: str | None, base: str | None) -> None:
    assert base_target(Compression(name), asked) == base


def test_a_target_that_is_too_old_is_refused() -> None:
    with pytest.raises(ConversionError, match="cannot be stored for iOS17") as refused:
        base_target(Compression("int4-block32"), "iOS17")
    assert "--target iOS18" in refused.value.next_step


def test_what_coremltools_refuses_is_an_error_of_ours(tmp_path: Path) -> None:
    old, path = converted(tmp_path, "iOS16"), tmp_path / "small.mlpackage"
    with pytest.raises(ConversionError, match="coremltools refuses int4-block32") as refused:
        compress(CompressionRequest(old, path, Compression("int4-block32")))
    assert "--target iOS18" in refused.value.next_step
    assert not path.exists()


def test_a_model_without_large_weights_cannot_be_compressed(tmp_path: Path) -> None:
    small = converted(tmp_path, "iOS16", Small())
    with pytest.raises(ConversionError, match="left every weight as it is"):
        compress(CompressionRequest(small, tmp_path / "small.mlpackage", Compression("palettize4")))
    assert not (tmp_path / "small.mlpackage").exists()


def raises(model: object) -> object:
    raise ValueError("not today")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda model: None, "returns no ML Program"),
        (raises, "not today"),
        ("tests.no_such_module:function", "names no function"),
        ("tests.loading:Path.nothing", "names no function"),
        ("tests.loading:__doc__", "names no function"),
    ],
)
def test_a_function_that_does_not_compress_is_said_so(function: Any, words: str, base: Path, tmp_path: Path) -> None:
    with pytest.raises(MlparityError, match=words):
        compress(CompressionRequest(base, tmp_path / "small.mlpackage", Compression("own", function)))
    assert not (tmp_path / "small.mlpackage").exists()


WEIGHTS = st.lists(st.floats(-8, 8, width=16), min_size=1, max_size=300)


@given(WEIGHTS, st.sampled_from((1, 2, 3, 4, 6, 8)))
def test_every_weight_takes_the_nearest_entry(weights: list[float], bits: int) -> None:
    given = np.array(weights, np.float16)
    table, indices = palette(given, bits)
    assert table.shape == (2**bits,)
    assert (table.dtype.name, indices.dtype.name) == ("float16", "uint8")
    used = table[np.unique(indices)].astype(np.float64)
    apart = np.abs(given.astype(np.float64)[:, None] - used[None, :]).min(1)
    found = np.abs(given.astype(np.float64) - table[indices].astype(np.float64))
    np.testing.assert_allclose(found, apart, atol=2e-2)  # the table is rounded to fp16 after the entries are chosen
    if len(np.unique(given)) <= 2**bits:
        np.testing.assert_array_equal(table[indices], given)


def test_a_palette_of_normal_weights_is_near_the_best_one() -> None:
    """The least mean square error of 4, 8 and 16 levels. Source: Max, "Quantizing for Minimum Distortion", 1960."""
    weights = np.random.default_rng(0).standard_normal(200_000).astype(np.float32)
    for bits, least in ((2, 0.1175), (3, 0.03454), (4, 0.009497)):
        table, indices = palette(weights, bits)
        error = float(np.mean((weights - table[indices]) ** 2))
        assert least * 0.97 < error < least * 1.05
