"""The inputs and outputs of a Core ML model, in coremltools' terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.image_input import ColourLayout, ImageInput
from mlparity.core.words import Precision
from mlparity.targets.coreml.form import HALF, InputForm
from mlparity.targets.coreml.options import CoremlOptions

MOST_SHAPES = 128
"""Source: https://apple.github.io/coremltools/docs-guides/source/flexible-inputs.html"""

_CHANNELS = {ColourLayout.RGB: 3, ColourLayout.BGR: 3, ColourLayout.GRAYSCALE: 1}


def input_types(coremltools: Any, forms: Sequence[InputForm], options: CoremlOptions) -> list[Any]:
    """Return a `TensorType` or an `ImageType` for each input.

    Raises:
        InputError: an option names no input, or an image has another shape or bias than its layout.
    """
    _check_names(forms, options)
    symbols: dict[str, Any] = {}
    types = []
    for form in forms:
        shape = _shape(coremltools, form, options, symbols)
        image = options.images.get(form.name)
        if image is None:
            dtype = np.float32 if _is_too_new(form, options) else np.dtype(form.dtype).type
            types.append(coremltools.TensorType(name=form.name, shape=shape, dtype=dtype))
        else:
            types.append(_image_type(coremltools, form, shape, image))
    return types


def _is_too_new(form: InputForm, options: CoremlOptions) -> bool:
    """Tell whether an input is fp16 and the format older than such inputs."""
    return form.dtype == HALF and options.precision is Precision.NEURAL_NETWORK


def output_types(coremltools: Any, names: Sequence[str], floating: Sequence[bool]) -> list[Any]:
    """Return a `TensorType` for each output: fp32 or int32.

    Without a type coremltools makes fp16 outputs of an fp16 conversion (from iOS16 up), and inputs likewise. Then a
    difference would partly be the rounding of the inputs and of the last store, so both stay fp32 here.
    Source: https://apple.github.io/coremltools/docs-guides/source/model-input-and-output-types.html
    """
    kinds = (np.float32 if is_floating else np.int32 for is_floating in floating)
    return [coremltools.TensorType(name=name, dtype=kind) for name, kind in zip(names, kinds, strict=True)]


def _shape(coremltools: Any, form: InputForm, options: CoremlOptions, symbols: dict[str, Any]) -> Any:
    flexible = options.flexible.get(form.name, {})
    if flexible and options.shapes:
        return _enumerated(coremltools, form, options)
    shape: list[Any] = list(form.shape)
    for axis, dim in flexible.items():
        symbol = dim.symbol_of(form.name, axis)
        shape[axis] = symbols.setdefault(symbol, coremltools.RangeDim(dim.lower, dim.upper, default=form.shape[axis]))
    return tuple(shape)


def _enumerated(coremltools: Any, form: InputForm, options: CoremlOptions) -> Any:
    """Return the shapes of an input by themselves; of several inputs, the ones at the same place belong together."""
    shapes = [each[form.name] for each in options.shapes]
    if len(shapes) > MOST_SHAPES:
        raise InputError(
            f"the input {form.name!r} has more shapes than Core ML can list",
            found=f"{len(shapes)} shapes in the samples",
            expected=f"at most {MOST_SHAPES}",
            next_step="let the lengths be a range (--lengths range), or give samples of fewer lengths",
        )
    return coremltools.EnumeratedShapes(shapes=shapes, default=form.shape)


def _image_type(coremltools: Any, form: InputForm, shape: Any, image: ImageInput) -> Any:
    channels = _CHANNELS[image.layout]
    biases = image.bias if isinstance(image.bias, tuple) else (image.bias,) * channels
    if len(form.shape) != 4 or form.shape[:2] != (1, channels) or len(biases) != channels:
        raise InputError(
            f"the input {form.name!r} cannot be a {image.layout} image",
            found=f"shape {form.shape}, {len(biases)} biases",
            expected=f"shape (1, {channels}, height, width), and one bias or {channels}",
            next_step="choose another layout, or leave the input a tensor",
        )
    return coremltools.ImageType(
        name=form.name,
        shape=shape,
        scale=image.scale,
        bias=list(biases) if channels == 3 else biases[0],
        color_layout=coremltools.colorlayout[str(image.layout)],
    )


def _check_names(forms: Sequence[InputForm], options: CoremlOptions) -> None:
    ranks = {form.name: len(form.shape) for form in forms}
    unknown = [name for name in (*options.images, *options.flexible) if name not in ranks]
    if unknown:
        raise InputError(f"the source has no input {unknown[0]!r}", expected=", ".join(ranks))
    beyond = [(name, axis) for name, dims in options.flexible.items() for axis in dims if not 0 <= axis < ranks[name]]
    if beyond:
        name, axis = beyond[0]
        raise InputError(
            f"the input {name!r} has no axis {axis}", expected=f"0 to {ranks[name] - 1}", next_step="count from 0"
        )
