"""Ultralytics: a network is exported to Core ML and predicted with, both by its own code, against PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ultralytics import YOLO
from ultralytics.utils import ASSETS

CONFIGURATIONS = ("yolov8n.yaml", "yolo11n-cls.yaml", "yolo11n-seg.yaml")
"""Detection, classification and segmentation. Trained weights cannot be downloaded everywhere: these are drawn."""


def _made(configuration: str, folder: Path) -> YOLO:
    torch.manual_seed(0)
    model = YOLO(configuration)
    for name, part in model.model.named_modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # as in a trained network, values neither die nor explode
            torch.nn.init.uniform_(part.weight, 0.8, 1.2)
            part.running_var.fill_(1.0 if "dfl" not in name else 0.5)
    path = folder / f"{Path(configuration).stem}.pt"
    model.save(path)
    return YOLO(path)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_exported_package_gives_what_the_network_gives(configuration: str, tmp_path: Path) -> None:
    model = _made(configuration, tmp_path)
    exported = model.export(format="coreml", imgsz=160, half=False)
    task = model.task
    options = {"imgsz": 160, "conf": 0.001, "verbose": False}
    (expected,) = model.predict(ASSETS / "bus.jpg", **options)
    (found,) = YOLO(exported, task=task).predict(ASSETS / "bus.jpg", **options)
    if task == "classify":
        np.testing.assert_allclose(found.probs.data.cpu(), expected.probs.data.cpu(), atol=2e-3)
        return
    assert found.boxes is not None
    assert expected.boxes is not None
    count = min(len(found.boxes), len(expected.boxes), 20)
    assert abs(len(found.boxes) - len(expected.boxes)) <= 0.1 * len(expected.boxes)
    pairs = ((found.boxes.conf, expected.boxes.conf, 5e-3), (found.boxes.xyxy, expected.boxes.xyxy, 4.0))
    for own, wanted, allowed in pairs:
        own_sorted, wanted_sorted = (np.sort(np.asarray(each.cpu())[:count], axis=0) for each in (own, wanted))
        np.testing.assert_allclose(own_sorted, wanted_sorted, atol=allowed)
