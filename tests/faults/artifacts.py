"""How the corpus makes artifacts of other targets, image inputs, and edited programs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from mlparity.core.session import Sample
from mlparity.core.words import Precision
from mlparity.targets.table import target_of
from mlparity.targets.target import Request
from tests.faults.fault import Make
from tests.faults.makers import FP32
from tests.loading import load_source

Change = Callable[[Any], nn.Module | None]


def elsewhere(change: Change | None = None) -> Make:
    """Return a maker that converts the source, or a changed copy of it, to the target of the path's ending."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        source = load_source(_changed(module, change), sample)
        target = target_of(path)
        assert target is not None
        target.convert(Request(source, [sample], Precision.FP32, path))

    return make


def _changed(module: nn.Module, change: Change | None) -> nn.Module:
    other = copy.deepcopy(module)
    result = change(other) if change is not None else None
    return (other if result is None else result).eval()


def edited(edit: Callable[[onnx.ModelProto], None]) -> Make:
    """Return a maker that converts to ONNX and then edits the program."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        elsewhere()(module, sample, path)
        model = onnx.load(path)
        edit(model)
        onnx.save(model, path)

    return make


def node(model: onnx.ModelProto, kind: str, place: int = 0) -> onnx.NodeProto:
    return [each for each in model.graph.node if each.op_type == kind][place]


def other_attribute(kind: str, name: str, value: Any, place: int = 0) -> Callable[[onnx.ModelProto], None]:
    def edit(model: onnx.ModelProto) -> None:
        found = node(model, kind, place)
        kept = [each for each in found.attribute if each.name != name]
        del found.attribute[:]
        found.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])

    return edit


def other_initializer(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[onnx.ModelProto], None]:
    def edit(model: onnx.ModelProto) -> None:
        found = next(each for each in model.graph.initializer if each.name.endswith(name))
        found.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(found)), found.name))

    return edit


def pictured(layout: str = "RGB", change: Change | None = None, precision: Any = FP32, **options: Any) -> Make:
    """Return a maker whose artifact takes an image with this scale and bias."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        other = _changed(module, change)
        [(name, array)] = sample.items()
        with torch.no_grad():
            traced = torch.jit.trace(other, torch.from_numpy(array), check_trace=False)
        image = ct.ImageType(name, array.shape, color_layout=ct.colorlayout[layout], **options)
        ct.convert(
            traced,
            inputs=[image],
            outputs=[ct.TensorType("output", dtype=np.float32)],
            compute_precision=precision,
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
        ).save(str(path))

    return make


def flexible(traced_at: int, most: int) -> Make:
    """Return a maker that traces on `traced_at` rows of the sample and takes any number of them up to `most`."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        [(name, rows)] = sample.items()
        array = rows[:traced_at]
        with torch.no_grad():
            traced = torch.jit.trace(module, torch.from_numpy(array), check_trace=False)
        shape: list[Any] = list(array.shape)
        shape[0] = ct.RangeDim(1, most, default=traced_at)
        ct.convert(
            traced,
            inputs=[ct.TensorType(name, shape=shape)],
            outputs=[ct.TensorType("output", dtype=np.float32)],
            compute_precision=FP32,
            minimum_deployment_target=ct.target.iOS18,
            skip_model_load=True,
        ).save(str(path))

    return make
