"""Every op against its oracle in three numerics, its gradient, and that each definition has a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pytest
import torch

import mlparity.engine.ops  # noqa: F401  # registers every op
from mlparity.engine.numerics import FP32, REFERENCE, TYPED, Numerics
from mlparity.engine.ops.registry import Rounding, definitions, find
from mlparity.engine.ops.schema import Kind, schema_of
from tests.cases.case import Case
from tests.cases.families import CONSTANT_INPUTS, NOT_DIFFERENTIABLE, TESTED_APART, cases, oracles
from tests.oracles.terms import Terms

CASES = cases()
ORACLES = oracles()
GOOD = [(name, case) for name, case in CASES if case.raises is None]
BAD = [(name, case) for name, case in CASES if case.raises is not None]

FP64_SLACK = 1024
"""How many fp64 units are allowed for each fp32 one: the oracle rounds too; an op that slips into fp32 is 2^29 off."""


def run(case: Case, numerics: Numerics) -> tuple[torch.Tensor, ...]:
    """Return the results as the interpreter would store them."""
    definition = find(case.op, case.opset)
    kinds = schema_of(definition.fn).kinds
    arguments = {name: _argument(value, kinds[name], numerics) for name, value in case.inputs.items()}
    before = {name: _cloned(value) for name, value in arguments.items()}
    if schema_of(definition.fn).takes_num:
        arguments["num"] = numerics
    result = definition.fn(**arguments)
    for name, value in before.items():
        assert _same(value, arguments[name]), f"{case.op} changed its input {name}"
    results = result if isinstance(result, tuple | list) else (result,)
    rounds = definition.rounding is not Rounding.NONE
    return tuple(numerics.store(each) if rounds else each for each in results)


def _argument(value: object, kind: Kind, numerics: Numerics) -> object:
    if kind is Kind.TENSORS:
        return [_argument(each, Kind.TENSOR, numerics) for each in value]  # type: ignore[attr-defined]
    if kind is not Kind.TENSOR or not isinstance(value, np.ndarray):
        return value
    tensor = torch.from_numpy(value.copy())
    return tensor.to(numerics.compute) if tensor.is_floating_point() else tensor


def _cloned(value: object) -> object:
    if isinstance(value, list):
        return [_cloned(each) for each in value]
    return value.clone() if isinstance(value, torch.Tensor) else value


def _same(left: object, right: object) -> bool:
    if isinstance(left, list):
        return all(_same(a, b) for a, b in zip(left, right, strict=True))  # type: ignore[call-overload]
    if isinstance(left, torch.Tensor):
        return torch.equal(left.nan_to_num(), right.nan_to_num())  # type: ignore[attr-defined]
    return left == right


def rounded(inputs: Mapping[str, object]) -> dict[str, object]:
    """Return the inputs with every floating value on the fp16 grid."""
    return {name: _rounded(value) for name, value in inputs.items()}


def _rounded(value: object) -> object:
    if isinstance(value, list | tuple):
        return type(value)(_rounded(each) for each in value)
    with np.errstate(over="ignore"):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value.astype(np.float16).astype(np.float32)
        return float(np.float16(value)) if isinstance(value, float) else value


def expected(case: Case) -> tuple[Terms, ...]:
    """Return what the oracle says, each result with the scale of its error."""
    with np.errstate(all="ignore"):
        result = ORACLES[case.op](**{name: _wide(value) for name, value in case.inputs.items()})
        results = result if isinstance(result, tuple) else (result,)
        return tuple(each if isinstance(each, Terms) else Terms(np.asarray(each), np.zeros(())) for each in results)


def _wide(value: object) -> object:
    if isinstance(value, list):
        return [_wide(each) for each in value]
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def check(case: Case, numerics: Numerics, grid: type[np.floating], ulp: float) -> None:
    """Fail where a result differs from the oracle's in shape, in kind, or by more than `ulp` units of `grid`."""
    results, wanted = run(case, numerics), expected(case)
    assert len(results) == len(wanted)
    for got, want in zip(results, wanted, strict=True):
        found = got.numpy()
        assert found.shape == want.value.shape
        if want.value.dtype.kind != "f":
            assert found.dtype.kind in "iu" if want.value.dtype.kind in "iu" else found.dtype == want.value.dtype
            np.testing.assert_array_equal(found, want.value)
        else:
            assert got.dtype is numerics.compute
            assert numerics.grid is None or torch.equal(got.nan_to_num(), numerics.store(got).nan_to_num()), "unrounded"
            assert worst(found.astype(np.float64), want, grid) <= ulp


def worst(found: np.ndarray, want: Terms, grid: type[np.floating]) -> float:
    """Return the largest error in units in the last place of `grid`; infinite where infinities or NaN differ."""
    with np.errstate(all="ignore"):
        target = want.value.astype(grid).astype(np.float64)
        exact = np.where(np.isfinite(target), want.value, target)
        size = np.maximum(np.abs(exact), np.broadcast_to(np.abs(want.scale), exact.shape))
        unit = np.spacing(np.minimum(size, np.finfo(grid).max).astype(grid)).astype(np.float64)
        equal = (found == exact) | (np.isnan(found) & np.isnan(exact))
        error = np.where(equal, 0.0, np.abs(found - exact) / unit)
    return float(np.max(np.where(np.isnan(error), np.inf, error), initial=0.0))


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in GOOD])
def test_fp32_is_within_its_bound(case: Case) -> None:
    check(case, FP32.numerics("fp32"), np.float32, case.ulp_fp32)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in GOOD])
def test_fp64_is_exact_beyond_fp32(case: Case) -> None:
    check(case, REFERENCE.numerics("fp32"), np.float64, case.ulp_fp32 * FP64_SLACK)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in GOOD])
def test_fp16_rounds_once(case: Case) -> None:
    narrow = Case(case.op, rounded(case.inputs), opset=case.opset)
    check(narrow, TYPED.numerics("fp16"), np.float16, case.ulp_fp16)


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in BAD])
def test_wrong_inputs_are_refused(case: Case) -> None:
    assert case.raises is not None
    with pytest.raises(case.raises):
        run(case, FP32.numerics("fp32"))


def _differentiable() -> list[object]:
    """Return, for each definition, its first case with finite floating inputs and a floating result."""
    chosen: dict[tuple[str, int], object] = {}
    for name, case in GOOD:
        key = (case.op, find(case.op, case.opset).since)
        if case.op in NOT_DIFFERENTIABLE or key in chosen or not _is_smooth(case):
            continue
        chosen[key] = pytest.param(case, id=name)
    return list(chosen.values())


def _is_smooth(case: Case) -> bool:
    floats = [each for each in _arrays(case.inputs.values()) if each.dtype.kind == "f"]
    if not floats or any(each.size == 0 or not np.isfinite(each).all() for each in floats):
        return False
    return any(want.value.dtype.kind == "f" and np.isfinite(want.value).all() for want in expected(case))


def _arrays(values: Iterable[object]) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    for value in values:
        found += _arrays(value) if isinstance(value, list) else [value] if isinstance(value, np.ndarray) else []
    return found


@pytest.mark.parametrize("case", _differentiable())
def test_gradient_agrees_with_finite_differences(case: Case) -> None:
    definition, numerics = find(case.op, case.opset), REFERENCE.numerics("fp32")
    schema = schema_of(definition.fn)
    arguments = {name: _argument(value, schema.kinds[name], numerics) for name, value in case.inputs.items()}
    extra = {"num": numerics} if schema.takes_num else {}
    flat: list[torch.Tensor] = []
    places: dict[str, slice] = {}
    for name, value in arguments.items():
        tensors = value if isinstance(value, list) else [value]
        if name in CONSTANT_INPUTS.get(case.op, ()):
            continue
        floating = [each for each in tensors if isinstance(each, torch.Tensor) and each.is_floating_point()]
        if len(floating) == len(tensors):
            places[name] = slice(len(flat), len(flat) + len(tensors))
            flat += [each.requires_grad_() for each in floating]

    def call(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        placed = {
            name: list(tensors[place]) if isinstance(arguments[name], list) else tensors[place.start]
            for name, place in places.items()
        }
        result = definition.fn(**(arguments | placed | extra))
        results = result if isinstance(result, tuple | list) else (result,)
        return tuple(each for each in results if isinstance(each, torch.Tensor) and each.is_floating_point())

    assert torch.autograd.gradcheck(call, flat, fast_mode=True)


def test_every_definition_has_a_case() -> None:
    covered = {(case.op, find(case.op, case.opset).since) for _, case in GOOD}
    missing = [
        f"{each.name} since iOS{each.since}"
        for each in definitions()
        if (each.name, each.since) not in covered and each.name not in TESTED_APART
    ]
    assert not missing


def test_every_oracle_is_used() -> None:
    assert not set(ORACLES) - {case.op for _, case in GOOD}
