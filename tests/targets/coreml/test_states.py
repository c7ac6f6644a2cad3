"""States of a package: as inputs and outputs, under the names of the source's buffers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.words import ComputeUnit, Precision
from mlparity.sessions import torch as torch_session
from mlparity.targets.artifacts import inspected, kind_of
from mlparity.targets.coreml.session import open_package
from mlparity.targets.coreml.states import names_of_states
from mlparity.targets.table import target_named
from mlparity.targets.target import Request
from tests.sources.test_states import Inside, opened

X = np.array([[0.5, -1.25]], np.float32)


class Ring(nn.Module):
    """Two states, written at a position along an axis that is not the first."""

    keys: Tensor
    values: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("keys", "values"):
            self.register_buffer(name, torch.zeros(1, 4, 2))

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        self.keys[:, position] = x[None] * 2
        self.values[:, position] = x[None] - 1
        return (self.keys * self.values).sum(1)


def test_a_package_is_a_function_of_its_state(tmp_path: Path) -> None:
    samples = [{"x": np.tile(X, (2, 1)), "position": np.array([1, 3])}]
    from mlparity.sources.load import flatten_source, load_module
    from mlparity.sources.states import with_states

    source = with_states(flatten_source(load_module(Ring().eval()), samples[0]), samples)
    sample = {**source.initial, **samples[0]}
    path = tmp_path / "ring.mlpackage"
    target_named("coreml").convert(Request(source, [sample], Precision.FP32, path))
    assert kind_of(path) == ("coreml", Precision.FP32)  # the state in fp16 is stored, not calculated with
    assert [(state.name, state.shape, state.dtype) for state in inspected(path).states] == [
        ("keys", (1, 4, 2), "fp16"),
        ("values", (1, 4, 2), "fp16"),
    ]
    held = {name: np.full((1, 4, 2), value, np.float32) for name, value in (("keys", 0.25), ("values", -3.0))}
    with open_package(path, ComputeUnit.CPU_ONLY, source.input_names) as session, torch_session.open(source) as plain:
        for given in (sample, {**sample, **held}, sample):  # no run changes another
            expected, found = plain.run(given), session.run(given)
            assert list(found) == list(expected)
            for name, array in expected.items():
                np.testing.assert_allclose(found[name], array, rtol=1e-3)


def test_a_state_inside_a_module_has_its_path(tmp_path: Path) -> None:
    """An integer state is none that Core ML stores exactly; its network takes it as an input."""
    source = opened(Inside(), "total")
    path = tmp_path / "inside.mlmodel"
    sample = {**source.initial, "total": X}
    target_named("coreml").convert(Request(source, [sample], Precision.NEURAL_NETWORK, path))
    assert [spec.name for spec in inspected(path).inputs] == ["total", "count", "sum_total"]
    assert inspected(path).states == ()


@pytest.mark.parametrize(
    ("own", "wanted", "expected"),
    [
        (["keys"], ["x", "keys"], {"keys": "keys"}),
        (["model_cache_keys"], ["x", "cache_keys"], {"cache_keys": "model_cache_keys"}),
        (["a", "b"], ["x", "k", "v"], {"k": "a", "v": "b"}),
        (["values", "keys"], ["x", "keys", "values"], {"keys": "keys", "values": "values"}),
        (["keys"], [], {"keys": "keys"}),
        ([], ["x"], {}),
    ],
)
def test_states_are_found_by_how_their_names_end(own: list[str], wanted: list[str], expected: dict[str, str]) -> None:
    assert names_of_states(own, wanted) == expected
