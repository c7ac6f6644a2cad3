"""Errors op by op: each op's own apart from what came before it, whatever the layout, and no value for another's."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mlparity.diagnose.op_errors import OpError, op_errors

INPUT = torch.linspace(-2, 2, 2 * 3 * 4 * 5, dtype=torch.float64).reshape(2, 3, 4, 5)
OPS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "exp": torch.exp, "sqrt": torch.sqrt}


def run(shown: Callable[[str, str, Tensor], Tensor]) -> None:
    value = INPUT
    for name, op in OPS.items():
        value = shown(name, name, op(value))


def artifact(errors: dict[str, float]) -> dict[str, np.ndarray]:
    """The values of an artifact whose ops multiply what they should give by 1 + their error."""
    value, found = INPUT, {}
    for name, op in OPS.items():
        value = op(value) * (1 + errors.get(name, 0.0))
        found[f"value of {name}"] = value.numpy()
    return found


def by_op(values: dict[str, np.ndarray]) -> dict[str, OpError]:
    return {each.op: each for each in op_errors(run, values)}


def test_an_error_is_local_where_it_is_made_and_accumulated_after_it() -> None:
    found = by_op(artifact({"exp": 0.01}))
    assert list(found) == list(OPS)
    assert found["tanh"].accumulated == found["tanh"].local == 0.0
    assert math.isclose(found["exp"].local, 0.01, rel_tol=1e-6)
    assert math.isclose(found["sqrt"].accumulated, math.sqrt(1.01) - 1, rel_tol=1e-6)
    assert found["sqrt"].local < 1e-12, "it is exact on what it got"
    assert found["sqrt"].value == "value of sqrt"


def test_channels_may_be_last() -> None:
    values = {name: np.moveaxis(array, 1, -1) for name, array in artifact({"tanh": 0.001}).items()}
    found = by_op(values)
    assert math.isclose(found["tanh"].local, 0.001, rel_tol=1e-6)
    assert found["sqrt"].local < 1e-12


def test_an_op_that_the_artifact_folds_into_the_next_has_none_and_its_error_is_the_next_ones() -> None:
    values = artifact({"tanh": 0.001})
    del values["value of tanh"]
    found = by_op(values)
    assert set(found) == {"exp", "sqrt"}
    assert found["exp"].local > 1e-4


def test_a_value_that_is_another_has_no_error_that_could_be_told() -> None:
    values = artifact({})
    values["value of exp"] = np.flip(values["value of exp"], (0, 1, 2, 3)).copy()
    values["value of sqrt"] = np.full_like(values["value of sqrt"], np.nan)
    assert set(by_op(values)) == {"tanh"}
