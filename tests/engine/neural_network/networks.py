"""Networks written by hand as protobuf messages, read and run by the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.engine.mil.program import Program
from mlparity.engine.mil.spec import proto
from mlparity.engine.neural_network.reader import network_program
from mlparity.engine.numerics import FP32, Profile
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.model import Model

ARRAY_TYPES = {"fp32": 65568, "fp64": 65600, "int32": 131104}


@dataclass(frozen=True)
class LayerSpec:
    """One layer: its type, parameters as nested dictionaries and lists, inputs and outputs."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Sequence[str] = ("x",)
    outputs: Sequence[str] = ("y",)


def fill(message: Any, values: Mapping[str, Any]) -> None:
    """Put nested values into a message; an array becomes fp32 weights."""
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            getattr(message, name).floatValue.extend(value.astype(np.float32).reshape(-1).tolist())
        elif isinstance(value, Mapping):
            getattr(message, name).SetInParent()
            fill(getattr(message, name), value)
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for each in value:
                fill(getattr(message, name).add(), each)
        elif isinstance(value, list | tuple):
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)


def network(
    layers: Sequence[LayerSpec],
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Mapping[str, tuple[int, ...]] | Sequence[str] = ("y",),
    *,
    rank5: bool = False,
    kind: str = "neuralNetwork",
) -> Any:
    """Return the `Model` message of a network with array inputs and outputs in fp32."""
    model = proto("Model").Model()
    model.specificationVersion = 3 if rank5 else 5
    for name, shape in inputs.items():
        add_array(model.description.input.add(), name, shape)
    shapes = outputs if isinstance(outputs, Mapping) else dict.fromkeys(outputs, ())
    for name, shape in shapes.items():
        add_array(model.description.output.add(), name, shape)
    body = getattr(model, kind)
    body.arrayInputShapeMapping = 0 if rank5 else 1
    body.imageInputShapeMapping = 0 if rank5 else 1
    for place, layer in enumerate(layers):
        add_layer(body, layer, f"layer{place}")
    return model


def add_array(feature: Any, name: str, shape: tuple[int, ...], dtype: str = "fp32") -> None:
    """Describe a feature as an array."""
    feature.name = name
    feature.type.multiArrayType.dataType = ARRAY_TYPES[dtype]
    feature.type.multiArrayType.shape.extend(shape)


def add_layer(body: Any, layer: LayerSpec, name: str) -> None:
    """Add a layer to a network, or to a branch of one."""
    message = body.layers.add()
    message.name = name
    message.input.extend(layer.inputs)
    message.output.extend(layer.outputs)
    getattr(message, layer.kind).SetInParent()
    fill(getattr(message, layer.kind), layer.params)


def read(model: Any) -> Program:
    """Return the program of a network."""
    return network_program(Path("network.mlmodel"), model)


def run(model: Any, profile: Profile = FP32, **inputs: object) -> dict[str, Any]:
    """Return the outputs of a network as an app gets them, in fp32 as on the CPU."""
    return Model(bind(read(model), profile)).predict(inputs)
