"""A target of forty lines, as somebody adds one: a suffix, a converter and a session, and one record of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import nn

from mlparity.core.session import Outputs, Sample, Signature, TensorSpec
from mlparity.core.words import Precision, Setting
from mlparity.targets.inspection import Inspection
from mlparity.targets.metadata import SIDECAR
from mlparity.targets.target import Conversion, Opening, Request, Target


def convert(request: Request) -> Conversion:
    """Write the weights of a module's one linear layer as JSON."""
    (layer,) = (each for each in cast("nn.Module", request.source.module).modules() if isinstance(each, nn.Linear))
    weights = {name: value.tolist() for name, value in layer.state_dict().items()}
    names = {"input": request.source.input_names[0], "output": request.source.output_names[0]}
    request.path.write_text(json.dumps({**names, **weights}))
    return Conversion("by hand", (), {"layers": "1"}, 0.0)


class ToySession:
    """The layer, in numpy."""

    runtime = "toy 1.0"

    def __init__(self, path: Path) -> None:
        self.about: dict[str, Any] = json.loads(path.read_text())
        self.weight, self.bias = (np.array(self.about[name], np.float32) for name in ("weight", "bias"))
        rows, columns = self.weight.shape
        inputs = (TensorSpec(self.about["input"], (None, columns), "float32"),)
        self.signature = Signature(inputs, (TensorSpec(self.about["output"], (None, rows), "float32"),))

    def run(self, sample: Sample) -> Outputs:
        """Return the product."""
        return {self.about["output"]: sample[self.about["input"]] @ self.weight.T + self.bias}

    def close(self) -> None:
        """Hold nothing."""


def open_toy(path: Path, _opening: Opening) -> ToySession:
    """Return a session."""
    return ToySession(path)


def inspect_toy(path: Path) -> Inspection:
    """Return what the file is."""
    found = ToySession(path).signature
    return Inspection(path, "Toy layer", found.inputs, found.outputs, {"linear": 1}, "", SIDECAR.read(path), {})


TOY = Target(
    name="toy",
    title="Toy",
    suffixes=(".toy",),
    settings=(Setting("toy", Precision.FP32),),
    convert=convert,
    open_artifact=open_toy,
    inspect=inspect_toy,
    precision=lambda _path: Precision.FP32,
)
