"""What goes into a network and comes out of it: shapes of inputs, the preprocessing of images, classes, types."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from mlparity.core.errors import FormatError
from mlparity.engine.mil.program import Argument, Feature, Interface, Name, NamedType, OtherType, TensorType
from mlparity.engine.neural_network.blob import EXACT, Blob
from mlparity.engine.neural_network.builder import Builder, Draft
from mlparity.engine.neural_network.trial_shapes import common_shape

RANK5_ARRAYS, RANK5_IMAGES = 0, 0
"""The values of the enums that map shapes to five axes: sequence, batch, channel, height, width."""

_MAX_ELEMENTS = 2**40
"""More elements than any machine holds."""

_SEQUENCES = (1, 1), (2, 3)
"""Two choices of the first two sizes, which an app may give with any array."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """The interface of a network, its input types in the program, and the sizes that are tried for each input."""

    interface: Interface
    inputs: tuple[NamedType, ...]
    trials: Mapping[str, tuple[tuple[int, ...], ...]]


def boundary_of(message: Any, interface: Interface, image_rank: int) -> Boundary:
    """Return how the features of a network's description become its inputs; images have `image_rank` axes."""
    is_rank5 = message.arrayInputShapeMapping == RANK5_ARRAYS
    features = tuple(_mapped(each, is_rank5=is_rank5, image_rank=image_rank) for each in interface.inputs)
    outputs = tuple(replace(each, is_rank5=is_rank5, is_shaped=True) for each in interface.outputs)
    wanted = {each.name: _trials(each) for each in features}
    count = max((len(trials) for trials in wanted.values()), default=1)
    trials = {name: tuple(each[min(place, len(each) - 1)] for place in range(count)) for name, each in wanted.items()}
    for name, shapes in trials.items():
        _check_sizes(name, shapes)
    types = tuple(NamedType(each.name, _type(each, trials[each.name])) for each in features)
    return Boundary(replace(interface, inputs=features, outputs=outputs), types, trials)


def _check_sizes(name: str, shapes: Sequence[tuple[int, ...]]) -> None:
    for shape in shapes:
        if min(shape, default=1) < 0 or math.prod(shape) > _MAX_ELEMENTS:
            raise FormatError(
                f"the input {name!r} of the network has an impossible shape",
                found=str(shape),
                next_step="the file is corrupt: convert again",
            )


def image_ranks(message: Any, interface: Interface) -> tuple[int, ...]:
    """Return how many axes images may have, the likelier number first.

    Five or four, as the network says; and three in place of four, where an image came in the place of such an array.
    Source of the last: coremltools 9.0, `test/neural_network/test_model.py` (`make_image_input`).
    """
    if message.imageInputShapeMapping == RANK5_IMAGES:
        return (5,)
    return (4, 3, 4) if any(each.image is not None for each in interface.inputs) else (4,)


def _mapped(feature: Feature, *, is_rank5: bool, image_rank: int) -> Feature:
    if feature.image is None:
        return replace(feature, is_rank5=is_rank5 and feature.kind == "multiArrayType")
    return replace(feature, image=replace(feature.image, rank=image_rank))


def _type(feature: Feature, trials: Sequence[tuple[int, ...]]) -> TensorType:
    shapes = [torch.empty(shape, device="meta") for shape in trials]
    return TensorType("int32" if feature.dtype in ("int32", "int8") else EXACT, common_shape(shapes))


def _trials(feature: Feature) -> tuple[tuple[int, ...], ...]:
    """Return the choices of sizes to follow: the default, and another where the description allows one."""
    if feature.image is not None:
        channels = 1 if feature.image.color.startswith("GRAYSCALE") else 3
        leading = (1,) * (feature.image.rank - 3)
        return tuple((*leading, channels, *shape) for shape in _choices(feature))
    if not feature.is_rank5:
        return _choices(feature)
    shapes = _choices(feature)
    return tuple((*leading, *rank5(shapes[min(at, len(shapes) - 1)])) for at, leading in enumerate(_SEQUENCES))


def rank5(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return the channels, height and width that a described shape stands for."""
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    return (math.prod(shape), 1, 1)


def _choices(feature: Feature) -> tuple[tuple[int, ...], ...]:
    if feature.choices:
        other = [shape for shape in feature.choices if shape != feature.shape]
        return (feature.shape, *other[:1])
    if not feature.sizes:
        return (feature.shape,)
    first = tuple(_within(size, bounds) for size, bounds in zip(feature.shape, feature.sizes, strict=True))
    second = tuple(_other(size, bounds) for size, bounds in zip(first, feature.sizes, strict=True))
    return (first, second) if first != second else (first,)


def _within(size: int, bounds: tuple[int, int]) -> int:
    low, high = bounds
    return max(size, low, 1) if high < 0 else min(max(size, low), high)


def _other(size: int, bounds: tuple[int, int]) -> int:
    """Return another size that is allowed: twice the size, since networks halve images, else an end of the range."""
    low, high = bounds
    if high < 0 or 2 * size <= high:
        return 2 * size
    return high if high != size else low


def entered(builder: Builder, boundary: Boundary) -> dict[str, Blob]:
    """Return the inputs as values of the network, before any preprocessing."""
    blobs = {}
    for named in boundary.inputs:
        declared = named.type if isinstance(named.type, TensorType) else TensorType(EXACT, None)
        dtype = torch.int32 if declared.dtype == "int32" else torch.float32
        trials = tuple(torch.empty(shape, dtype=dtype, device="meta") for shape in boundary.trials[named.name])
        builder.names[named.name] = named.name
        blobs[named.name] = Blob(Name(named.name), declared, trials)
    return blobs


def preprocess(builder: Builder, message: Any, boundary: Boundary, blobs: dict[str, Blob]) -> None:
    """Replace images by what the specification's own preprocessing makes of them, one step after the other.

    Raises:
        FormatError: a step for no image, or a mean image of another size.
    """
    images = {each.name: each for each in boundary.interface.inputs if each.image is not None}
    for place, step in enumerate(message.preprocessing):
        name = step.featureName or next(iter(images), "")
        builder.layer, builder.kind = f"{name}_preprocessing_{place}", "preprocessing"
        if name not in images:
            raise builder.fault(f"the input {name!r}, which is no image")
        kind = step.WhichOneof("preprocessor")
        if kind == "scaler":
            blobs[name] = _scaled(builder, blobs[name], step.scaler, images[name])
        elif kind == "meanImage":
            blobs[name] = _centred(builder, blobs[name], step.meanImage)


def _scaled(builder: Builder, x: Blob, scaler: Any, feature: Feature) -> Blob:
    color = feature.image.color if feature.image is not None else ""
    biases = {"RGB": (scaler.redBias, scaler.greenBias, scaler.blueBias)} | {
        "BGR": (scaler.blueBias, scaler.greenBias, scaler.redBias)
    }
    bias = np.asarray(biases.get(color, (scaler.grayBias,)), np.float32)
    scaled = builder.emit("mul", x=x, y=float(scaler.channelScale))
    return builder.emit("add", x=scaled, y=bias.reshape(-1, 1, 1)) if bias.any() else scaled


def _centred(builder: Builder, x: Blob, message: Any) -> Blob:
    mean = np.asarray(message.meanImage, np.float32)
    sizes = [] if x.shape is None else [size for size in x.shape[-3:] if size is not None]
    if mean.size != math.prod(sizes) or len(sizes) != 3:
        raise builder.fault(f"a mean image of {mean.size} numbers", expected=f"{math.prod(sizes)}")
    return builder.emit("sub", x=x, y=builder.weight(mean.reshape(sizes), "mean"))


_OF_CLASSES = ("dictionaryType", "int64Type", "stringType")
"""The kinds of outputs that a classifier adds to those of its layers."""

_TARGETS: Mapping[str, str] = {"int32": "int32", "int8": "int32", "fp16": "fp16"}


def leave(builder: Builder, interface: Interface, blobs: Mapping[str, Blob]) -> tuple[str, ...]:
    """Give each output that a layer makes its described name and type, and return their names.

    Raises:
        FormatError: no layer gives an output of the description.
    """
    made = []
    for feature in interface.outputs:
        builder.layer, builder.kind = feature.name, "output"
        if feature.kind in _OF_CLASSES:
            continue
        if feature.name not in blobs:
            raise builder.fault("no layer that gives it")
        if blobs[feature.name].name == feature.name:  # an input that goes out as it came in
            made.append(feature.name)
            continue
        blob = builder.cast(blobs[feature.name], "int32" if _TARGETS.get(feature.dtype) == "int32" else EXACT)
        builder.names[blob.name] = feature.name
        made.append(feature.name)
    return tuple(made)


def classify(builder: Builder, message: Any, interface: Interface, blobs: Mapping[str, Blob]) -> tuple[str, ...]:
    """Add the label and the probabilities that a classifier gives, and return their names.

    Raises:
        FormatError: no layer gives the probabilities, no labels, or another number of them.
    """
    source = message.labelProbabilityLayerName or message.layers[-1].output[0]
    builder.layer, builder.kind = source, "classifier"
    kind = message.WhichOneof("ClassLabels")
    labels = tuple(getattr(message, kind).vector) if kind else ()
    if source not in blobs or not labels:
        raise builder.fault("no layer that gives the probabilities, or no labels")
    flat = builder.emit("reshape", x=blobs[source], shape=(-1,))
    if flat.shape not in ((len(labels),), (None,)):
        raise builder.fault(f"{len(labels)} labels", expected=str(flat.type))
    classes = builder.labels(labels)
    name = interface.predicted_feature
    label_type = TensorType("string", ()) if isinstance(labels[0], str) else TensorType("int64", ())
    outputs = [NamedType(f"#{name}", label_type)]
    builder.names[f"#{name}"] = name
    probabilities = interface.predicted_probabilities or f"{name}_probabilities"
    outputs.append(NamedType(f"#{probabilities}", OtherType("dictionary")))
    builder.names[f"#{probabilities}"] = probabilities
    inputs: dict[str, tuple[Argument, ...]] = {"probabilities": (flat.argument,), "classes": (classes,)}
    builder.drafts.append(Draft("classify", inputs, outputs, name))
    return (name, probabilities) if interface.predicted_probabilities else (name,)
