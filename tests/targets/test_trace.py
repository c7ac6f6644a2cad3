"""The values inside an artifact of each target that gives them, on a real model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import locate
from mlparity.core.errors import InputError
from mlparity.core.words import Precision
from mlparity.record.causes import CauseKind
from mlparity.targets.table import target_named
from mlparity.targets.target import Opening, Request
from tests.loading import load_source

SAMPLE = {"x": np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(x)))


@pytest.mark.parametrize("name", ["litert", "onnx", "coreai"])
def test_every_value_and_constant_is_told(tmp_path: Path, name: str) -> None:
    target = target_named(name)
    probe = target.not_applicable(target.settings[0] if target.settings else target.extra_settings[0], False)
    if probe:
        pytest.skip(probe)
    source = load_source(Net().eval(), SAMPLE)
    path = tmp_path / f"net{target.suffixes[0]}"
    target.convert(Request(source, [SAMPLE], Precision.FP32, path))
    assert target.tracing is not None
    opening = Opening(None, source.input_names, source.output_names)
    found = target.tracing.trace(path, opening, SAMPLE)
    module = source.module
    assert isinstance(module, nn.Module)
    with torch.no_grad():
        hidden = torch.tanh(module.inner.first(torch.from_numpy(SAMPLE["x"]))).numpy()  # type: ignore[union-attr, operator]
    made = [found.values[name] for op in found.ops for name in op.results]
    assert any(array.shape == hidden.shape and np.allclose(array, hidden, atol=1e-6) for array in made)
    [output] = found.outputs.values()
    with target.open_artifact(path, opening) as session:  # type: ignore[attr-defined]
        [expected] = session.run(SAMPLE).values()
    np.testing.assert_allclose(found.values[output], expected, atol=1e-6)
    weights = {np.sort(array, axis=None).tobytes() for array in (found.values[name] for name in found.constants)}
    assert np.sort(module.inner.last.weight.detach().numpy(), axis=None).tobytes() in weights  # type: ignore[union-attr, operator]
    if target.tracing.run_by_reference is not None:
        [other] = target.tracing.run_by_reference(path, opening, SAMPLE).values()
        np.testing.assert_allclose(other, expected, atol=1e-5)


def test_ops_are_located_with_the_source_alone(tmp_path: Path) -> None:
    target = target_named("litert")
    path = tmp_path / "net.tflite"
    target.convert(Request(load_source(Net().eval(), SAMPLE), [SAMPLE], Precision.FP32, path))
    with pytest.raises(InputError, match="--source"):
        locate(path, [SAMPLE])
    assert locate(path, [SAMPLE], Net().eval()).kind is CauseKind.NONE
