"""An app's features to tensors and back, with the checks that Core ML makes at the door."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mlparity.core.errors import InputError
from mlparity.engine.mil.program import Feature, NamedType, TensorType
from mlparity.engine.runtime.plan import Plan
from mlparity.engine.runtime.tensors import array_from, tensor_from

if TYPE_CHECKING:
    from PIL.Image import Image

_PIL_MODES = {"RGB": "RGB", "BGR": "RGB", "GRAYSCALE": "L", "GRAYSCALE_FLOAT16": "F"}


def tensors_from_features(plan: Plan, data: Mapping[str, object]) -> dict[str, Tensor]:
    """Return the plan's inputs from what an app passes in: arrays, numbers, or Pillow images.

    Raises:
        InputError: an unknown or missing name, another rank or shape, values that are not numbers, another image size.
    """
    features = {feature.name: feature for feature in plan.interface.inputs}
    unknown = sorted(set(data) - set(features))
    if unknown:
        raise InputError(f"the model has no input {unknown[0]!r}", expected=", ".join(features), next_step=_RENAME)
    tensors = {}
    for name, (_, named) in plan.inputs.items():
        feature = features.get(name, Feature(name, "multiArrayType"))
        array = _array(feature, data[name]) if name in data else _default(feature)
        tensors[name] = tensor_from(_fitted(array, named), _mil_type(named), plan.profile.compute, plan.device)
    return tensors


_RENAME = "use the input names of the model's description"


def _mil_type(named: NamedType) -> str:
    if not isinstance(named.type, TensorType):
        raise InputError(f"the input {named.name!r} is no tensor", found=str(named.type))
    return named.type.dtype


def _fitted(array: np.ndarray, named: NamedType) -> np.ndarray:
    """Narrow to fp16 where the program declares it, as an app's array would be, then hold as it is."""
    with np.errstate(over="ignore"):
        return array.astype(np.float16) if _mil_type(named) == "fp16" else array


def _array(feature: Feature, value: object) -> np.ndarray:
    if feature.image is not None:
        image = _image_array(feature, value)
        return image.reshape((1,) * (feature.image.rank - 3) + image.shape[1:])
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
        raise InputError(
            f"the input {feature.name!r} is not numeric", found=f"an array of {array.dtype}", expected="numbers"
        )
    if feature.is_rank5:
        return _with_five_axes(feature, array)
    _check_shape(feature, array.shape)
    return array


def _with_five_axes(feature: Feature, array: np.ndarray) -> np.ndarray:
    """Return the array of an older network with sequence, batch, channel, height and width.

    It comes as described, with the channels or with these, height and width; or with sequence and batch before them,
    where channels alone may leave out the last two.
    Source: `NeuralNetworkMultiArrayShapeMapping` of `NeuralNetwork.proto`, coremltools 9.0.
    """
    own = max(len(feature.shape), 1)
    leading = array.ndim - own if array.ndim in (own, own + 2) else array.ndim - 3
    if leading not in (0, 2):
        _check_shape(feature, array.shape)
    _check_shape(feature, array.shape[leading:][:own])
    sizes = (*((1, 1) if leading == 0 else array.shape[:2]), *array.shape[leading:])
    return array.reshape((*sizes, *(1,) * (5 - len(sizes))))


def _check_shape(feature: Feature, shape: tuple[int, ...]) -> None:
    """Refuse a shape that the description does not allow.

    What is found is worded as Core ML words it, since programs match on that. Source: coremltools 9.0,
    `frontend/torch/test/test_torch_conversion_api.py` (the texts that its tests expect).
    """
    found = f"shape {shape} (rank {len(shape)})"
    if feature.choices:
        fits, expected = shape in (*feature.choices, feature.shape), " or ".join(map(str, feature.choices))
        found = f"MultiArray Shape ({' x '.join(map(str, shape))}) was not in enumerated set of allowed shapes"
    elif feature.sizes:
        wrong = [
            f"Size ({size}) of dimension ({axis}) is not in allowed range ({low}..{high if high >= 0 else 'any'})"
            for axis, (size, (low, high)) in enumerate(zip(shape, feature.sizes, strict=False))
            if size < low or (0 <= high < size)
        ]
        fits = len(shape) == len(feature.sizes) and not wrong
        found = "; ".join(wrong) or found
        expected = " x ".join(f"{low}..{high if high >= 0 else 'any'}" for low, high in feature.sizes)
    else:
        fits, expected = not feature.shape or shape == feature.shape, str(feature.shape)
    if not fits:
        raise InputError(
            f"the input {feature.name!r} has another shape than the model takes",
            found=found,
            expected=f"{expected} (rank {len(feature.shape)})",
            next_step="reshape the array (pictures: crop or size in the preprocessing), or convert with flexible shapes"
            " (ct.RangeDim, ct.EnumeratedShapes)",
        )


def _default(feature: Feature) -> np.ndarray:
    if not feature.optional:
        raise InputError(
            f"the input {feature.name!r} is missing", expected="a value for each input that has no default"
        )
    return np.full(feature.shape, 0.0 if feature.default is None else feature.default)


def _image_array(feature: Feature, value: object) -> np.ndarray:
    """Return an image as Core ML hands it to the program: (1, channels, height, width), values 0 to 255."""
    from PIL import Image

    mode = _PIL_MODES[feature.image.color] if feature.image is not None else "RGB"
    if not isinstance(value, Image.Image) or value.mode != mode:
        found = f"mode {value.mode}" if isinstance(value, Image.Image) else type(value).__name__
        raise InputError(f"the input {feature.name!r} is an image", found=found, expected=f"PIL.Image of mode {mode!r}")
    _check_shape(feature, (value.height, value.width))
    pixels = np.asarray(value)
    if pixels.ndim == 2:
        return pixels[None, None]
    ordered = pixels[:, :, ::-1] if feature.image is not None and feature.image.color == "BGR" else pixels
    return np.ascontiguousarray(ordered.transpose(2, 0, 1)[None])


def features_from_outputs(plan: Plan, outputs: Mapping[str, object]) -> dict[str, object]:
    """Return an app's view of a run: arrays (fp16 widened to fp32, a scalar as shape (1,)), images, labels.

    Source: apple/coremltools `coremlpython/CoreMLPythonUtils.mm` (fp16 arrays come back as float32, colour images as
    RGBA); coremltools 9.0 `testing_utils.py` (Core ML gives no scalars).
    """
    features = {feature.name: feature for feature in plan.interface.outputs}
    return {name: _feature(features.get(name), plan.outputs[name][1], value) for name, value in outputs.items()}


def _feature(feature: Feature | None, named: NamedType, value: object) -> object:
    if not isinstance(value, Tensor) or not isinstance(named.type, TensorType):
        return value
    if feature is not None and feature.image is not None:
        return _image(feature, value)
    dtype = named.type.dtype
    array = array_from(value, dtype)
    if feature is not None and feature.kind in _SCALARS:
        return _SCALARS[feature.kind](array.reshape(-1)[0])
    if feature is not None and feature.is_shaped:
        array = _as_described(feature, array)
    if feature is not None and feature.dtype == "fp64":
        return np.atleast_1d(array.astype(np.float64))
    return np.atleast_1d(array.astype(np.float32) if dtype == "fp16" else array)


_SCALARS: Mapping[str, Callable[[object], object]] = {"doubleType": float, "int64Type": int}  # type: ignore[dict-item]
"""The kinds of features that are single numbers."""


def _as_described(feature: Feature, array: np.ndarray) -> np.ndarray:
    """Return an output of a network in the described shape, where it has as many elements.

    Else an older network's has five axes, or is without sequence and batch where both are 1, and without height and
    width where the description has at most channels (assumed).
    Source of the first: coremltools 9.0, `test/neural_network/test_model.py` (`transpose_elimination`).
    """
    is_fixed = bool(feature.shape) and not feature.sizes and not feature.choices
    if is_fixed and math.prod(feature.shape) == array.size:
        return array.reshape(feature.shape)
    if not feature.is_rank5 or array.ndim != 5 or array.shape[:2] != (1, 1):
        return array
    is_vector = array.shape[3:] == (1, 1) and len(feature.shape) <= 1
    return array.reshape(array.shape[2:3] if is_vector else array.shape[2:])


def _image(feature: Feature, value: Tensor) -> Image:
    from PIL import Image

    planes = value.detach().to(torch.float32).cpu().numpy().reshape(-1, *value.shape[-3:])[0]
    color = feature.image.color if feature.image is not None else "RGB"
    if color == "GRAYSCALE_FLOAT16":
        return Image.fromarray(planes[0].astype(np.float32))
    pixels = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    if color == "GRAYSCALE":
        return Image.fromarray(pixels[0])
    ordered = pixels[::-1] if color == "BGR" else pixels
    return Image.fromarray(np.ascontiguousarray(ordered.transpose(1, 2, 0))).convert("RGBA")
