"""RF-DETR: its own Core ML export of an untrained network, predicted with, against PyTorch."""

from __future__ import annotations

from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
import torch
from rfdetr import RFDETRNano


@pytest.fixture(scope="module")
def model() -> RFDETRNano:
    torch.manual_seed(0)
    return RFDETRNano(pretrain_weights=None, device="cpu")


def test_the_export_gives_what_the_network_gives(model: RFDETRNano, tmp_path: Path) -> None:
    exported = Path(str(model.export(output_dir=str(tmp_path), format="coreml")))
    path = exported if exported.suffix in (".mlpackage", ".mlmodel") else next(tmp_path.rglob("*.mlpackage"))
    package = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit.CPU_ONLY)
    (taken,) = package.get_spec().description.input
    assert taken.type.WhichOneof("Type") == "multiArrayType"
    shape = tuple(taken.type.multiArrayType.shape)
    pixels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = package.predict({taken.name: pixels})
    network = model.model.model.eval().to("cpu")
    with torch.no_grad():
        expected = network(torch.from_numpy(pixels))
    wanted = [expected["pred_boxes"], expected["pred_logits"]] if isinstance(expected, dict) else list(expected)[:2]
    for reference in wanted:
        own = next(array for array in found.values() if np.asarray(array).shape == tuple(reference.shape))
        np.testing.assert_allclose(own, reference.numpy(), atol=2e-2)
