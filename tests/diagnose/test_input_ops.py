"""The first ops that change an input, taken away: the rest sees what it saw without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from torch import Tensor, nn

from mlparity.diagnose.input_ops import undone_ops
from mlparity.engine.runtime.interpret import run_plan
from mlparity.verification.explain_package import plans_of
from tests.faults.makers import program

X = np.random.default_rng(0).uniform(0.1, 1, (2, 3, 4)).astype(np.float32)


def outputs_of(build: Callable[[Any], Any], folder: Path) -> list[tuple[str, Tensor]]:
    """Return for each way the types of the ops that are taken away, and the program's output."""
    path = folder / "changed.mlpackage"
    program(lambda _, x: mb.exp(x=build(x)))(nn.Identity(), {"x": X}, path)
    plan = plans_of(path).exact
    found = []
    for undone in undone_ops(plan, {"x": torch.from_numpy(X).double()}):
        [output] = run_plan(plan, undone.inputs).values()
        assert isinstance(output, Tensor)
        found.append((" ".join(op.type for op in undone.ops), output))
    return found


@pytest.mark.parametrize(
    "build",
    [
        lambda x: mb.mul(x=x, y=0.25),
        lambda x: mb.add(x=np.float32(0.3), y=x),
        lambda x: mb.sub(x=x, y=np.linspace(0, 1, 4, dtype=np.float32)),
        lambda x: mb.sub(x=np.float32(1), y=x),
        lambda x: mb.real_div(x=x, y=255.0),
        lambda x: mb.real_div(x=np.float32(2), y=x),
        lambda x: mb.reverse(x=x, axes=[1]),
    ],
    ids=["mul", "add", "sub", "sub from", "real_div", "real_div of", "reverse"],
)
def test_each_op_is_taken_away(build: Callable[[Any], Any], tmp_path: Path) -> None:
    [(_, output)] = outputs_of(build, tmp_path)
    torch.testing.assert_close(output, torch.from_numpy(X).double().exp(), rtol=1e-6, atol=0)


def test_each_of_two_and_both_are_taken_away(tmp_path: Path) -> None:
    found = dict(outputs_of(lambda x: mb.add(x=mb.mul(x=x, y=0.5), y=0.125), tmp_path))
    x = torch.from_numpy(X).double()
    wanted = {"mul": x + 0.125, "mul add": x, "add": x * 0.5}
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value.exp(), rtol=1e-6, atol=0)


def test_other_ops_and_inputs_that_are_read_twice_are_left(tmp_path: Path) -> None:
    assert outputs_of(lambda x: mb.mul(x=mb.tanh(x=x), y=2.0), tmp_path) == []
    assert outputs_of(lambda x: mb.add(x=mb.mul(x=x, y=0.5), y=x), tmp_path) == []


def test_what_cannot_be_taken_back_is_left(tmp_path: Path) -> None:
    assert outputs_of(lambda x: mb.mul(x=x, y=np.zeros((1, 1, 1), np.float32)), tmp_path) == []
