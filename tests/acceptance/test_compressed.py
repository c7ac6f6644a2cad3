"""A trained MobileNetV2 with compressed weights predicts what coremltools' own decompression of it predicts."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto
from mlparity.engine.reading import read_program
from tests.docs.documents import ROOT
from tests.models.samples import photos

TARGETS = ("iOS16", "iOS18")


class Logits(torch.nn.Module):
    """A network's first output as a tensor: coremltools converts no dictionaries."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return next(iter(self.network(x).values()))


def source() -> torch.nn.Module:
    spec = importlib.util.spec_from_file_location("mobilenet_v2", ROOT / "examples" / "mobilenet_v2.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Logits(module.mobilenet_v2()).eval()


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    enable_coremltools()
    proto("Model")
    import coremltools as ct

    options = {"inputs": [ct.TensorType("x", (1, 3, 224, 224))], "outputs": [ct.TensorType("y", dtype=np.float32)]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(source(), torch.zeros(1, 3, 224, 224))
        return {name: ct.convert(traced, minimum_deployment_target=ct.target[name], **options) for name in TARGETS}


def palettized(model: Any) -> Any:
    from coremltools.optimize import coreml as cto

    settings = cto.OpPalettizerConfig(mode="uniform", nbits=4)
    return cto.palettize_weights(model, cto.OptimizationConfig(global_config=settings))


def quantized(model: Any) -> Any:
    from coremltools.optimize import coreml as cto

    settings = cto.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8")
    return cto.linear_quantize_weights(model, cto.OptimizationConfig(global_config=settings))


@pytest.mark.parametrize(("compressed", "target"), [(palettized, "iOS16"), (palettized, "iOS18"), (quantized, "iOS18")])
def test_compressed_weights_predict_as_decompressed_ones(
    models: dict[str, Any], compressed: Callable[[Any], Any], target: str
) -> None:
    from coremltools.optimize import coreml as cto

    whole = models[target]
    small = compressed(whole)
    ops = {op.type for op in read_program(Path(small.package_path)).functions["main"].walk()}
    assert any(name.startswith("constexpr_") for name in ops)
    x = next(photos())["image"]
    found = small.predict({"x": x})["y"]
    np.testing.assert_array_equal(found, cto.decompress_weights(small).predict({"x": x})["y"])
    assert not np.array_equal(found, whole.predict({"x": x})["y"]), "nothing was compressed"
