"""One table of the optimised steps, each with its plain counterpart and the test that holds it to it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from mlparity.engine import numerics
from mlparity.engine.numerics import kernels
from mlparity.engine.numerics.products import Products
from mlparity.engine.runtime import optimised
from mlparity.engine.runtime.fuse import FOLLOWERS
from mlparity.engine.runtime.optimised.choose import ACTIVATIONS, PACKERS


@dataclass(frozen=True, slots=True)
class Optimised:
    """An optimised step or kernel, what it stands for, and its test: a module below `tests.engine` and a function."""

    name: str
    plain: str
    module: str
    test: str


_DOMAINS, _DEVICE, _UNITS = "runtime.optimised.test_domains", "numerics.test_device_sums", "runtime.test_unit_steps"
_CONV = "test_a_packed_convolution_has_the_domain_of_the_plain_one"
_LINEAR = "test_a_packed_matrix_has_the_domain_of_the_plain_product"
_SPECIAL = "test_special_values_give_the_bits_of_the_plain_sums"

TABLE = (
    Optimised("PackedConvolution", "Products.conv", _DOMAINS, _CONV),
    Optimised("PackedPointwise", "Products.conv", _DOMAINS, _CONV),
    Optimised("PackedDepthwise", "Products.conv", _DOMAINS, _CONV),
    Optimised("PackedLinear", "Products.linear", _DOMAINS, _LINEAR),
    Optimised("PackedMatmul", "Products.matmul", _DOMAINS, "test_a_product_of_values_has_the_domain_of_the_plain_one"),
    Optimised("PackedLstm", "ops.lstm", _DOMAINS, "test_a_packed_lstm_has_the_domain_of_the_plain_one"),
    Optimised("relu", "ops.relu after a store", _DOMAINS, _CONV),
    Optimised("relu6", "ops.relu6 after a store", _DOMAINS, _CONV),
    Optimised("clip", "ops.clip after a store", _DOMAINS, _CONV),
    Optimised("store moved", "two stores", _UNITS, "test_a_store_behind_its_activation_gives_the_same_bits"),
    Optimised("folded step", "a step that runs", _UNITS, "test_a_step_of_constants_gives_the_bits_of_one_that_runs"),
    Optimised(
        "rounded in place", "Numerics.store", _DOMAINS, "test_a_result_that_is_rounded_where_it_lies_has_the_plain_bits"
    ),
    Optimised("narrow table", "a widened table", _DOMAINS, "test_a_table_that_is_gathered_from_gives_the_plain_bits"),
    Optimised("SequentialFp16", "device_sums.sequential_fp16", _DEVICE, _SPECIAL),
    Optimised("FixedPoint", "device_sums.fixed_point", _DEVICE, _SPECIAL),
    Optimised("kernels.fp32_products", "Products.linear", _DOMAINS, _LINEAR),
    Optimised("kernels.fp32_tile", "Products.linear", _DOMAINS, _LINEAR),
    Optimised("kernels.blocks", "Products.linear", _DOMAINS, _LINEAR),
    Optimised("kernels.fp32_depthwise", "Products.conv", _DOMAINS, _CONV),
    Optimised("kernels.fp32_lstm", "ops.lstm", _DOMAINS, "test_a_packed_lstm_has_the_domain_of_the_plain_one"),
    Optimised("kernels.fp32_gates", "torch.sigmoid", "numerics.test_fp32_gates", "test_ends_and_what_is_no_number"),
    Optimised("kernels.sequential", "device_sums.sequential_fp16", _DEVICE, _SPECIAL),
    Optimised("kernels.fp16_tile", "device_sums.sequential_fp16", _DEVICE, _SPECIAL),
    Optimised("kernels.fixed_point", "device_sums.fixed_point", _DEVICE, _SPECIAL),
    Optimised("kernels.fixed_tile", "device_sums.fixed_point", _DEVICE, _SPECIAL),
    Optimised("kernels.bits", "device_sums", _DEVICE, _SPECIAL),
    Optimised(
        "kernels.layout",
        "lines by PyTorch's ops",
        "numerics.test_lines",
        "test_a_kernel_lays_images_out_as_plain_ops_do",
    ),
    Optimised("kernels.bounds", "device_sums", _DEVICE, _SPECIAL),
    Optimised(
        "kernels.magnitudes",
        "device_sums",
        "numerics.test_magnitudes",
        "test_bits_are_those_without_kernels_whatever_the_bound_tells",
    ),
    Optimised(
        "kernels.winograd",
        "winograd by PyTorch's ops",
        "numerics.test_winograd",
        "test_inputs_are_those_of_the_plain_ops",
    ),
    Optimised("kernels.rounding", "rounding in PyTorch's ops", _DEVICE, "test_kernels_round_as_pytorch_s_ops_do"),
)
NO_STEPS = {
    "kernels.compiled": "how kernels are compiled",
    "kernels.team": "threads",
    "kernels.threads": "threads",
    "kernels.vectors": "what tiles are made of",
    "kernels.wide": "orders of other paths, which no setting runs; tests/evidence",
}
NO_PLAIN = {
    "ExactProducts": "the base of the accumulators",
    "Int8Products": "a unit's arithmetic: there is no other form of it",
    "Tf32": "a unit's arithmetic: there is no other form of it",
    "WinogradFp16": "a unit's arithmetic: there is no other form of it",
    "MlxSums": "another path, which no setting runs; tests/evidence",
    "SequentialFp32": "another path, which no setting runs; tests/evidence",
}
NAMES = {row.name for row in TABLE}


def _classes(package: object, fits: Callable[[type], bool]) -> set[str]:
    """Return the names of the classes that modules of a package define."""
    found = set()
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):  # type: ignore[attr-defined]
        members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        found |= {name for name, each in members if each.__module__ == module.name and fits(each)}
    return found


def test_every_optimised_step_is_in_the_table() -> None:
    packed = _classes(optimised, lambda each: hasattr(each, "followed_by"))
    assert packed - {"PackedStep", "PackedMatrix"} == {name for name in NAMES if name.startswith("Packed")}
    assert set(PACKERS) == {"conv", "linear", "lstm", "matmul"}, "a new packer needs rows, and programs in test_domains"
    assert set(ACTIVATIONS) | FOLLOWERS <= NAMES


def test_every_kernel_and_accumulator_is_in_the_table() -> None:
    modules = {f"kernels.{each.name}" for each in pkgutil.iter_modules(kernels.__path__)}
    assert modules - set(NO_STEPS) == {name for name in NAMES if name.startswith("kernels.")}
    sums = _classes(numerics, lambda each: issubclass(each, Products) and each is not Products)
    assert sums - set(NO_PLAIN) == NAMES & {"SequentialFp16", "FixedPoint"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_row_names_a_test(row: Optimised) -> None:
    assert callable(getattr(importlib.import_module(f"tests.engine.{row.module}"), row.test))
