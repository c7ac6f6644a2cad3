"""From a picture to an array: the preprocessing as data, with presets."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, Strict, WrapValidator

from mlparity.core.errors import InputError
from mlparity.toml.table import Fault, Number, Problem, Table, expecting, problem, read_table

if TYPE_CHECKING:
    from PIL.Image import Image


_LONGEST = 2**16 - 1  # of a side, in pixels: what a JPEG can have


class Colour(StrEnum):
    """The order of a pixel's values."""

    RGB = "RGB"
    BGR = "BGR"
    GRAY = "GRAY"


class Layout(StrEnum):
    """The order of an image array's axes."""

    NCHW = "NCHW"
    NHWC = "NHWC"


class Resample(StrEnum):
    """Pillow's filters by name; all but `nearest` smooth before they shrink."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"
    BOX = "box"


Pixels = Annotated[int, Field(ge=0, le=_LONGEST), expecting("pixels")]
Pair = Annotated[tuple[Pixels, Pixels], Strict(strict=False), expecting("[height, width]")]


def _check_channels(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if len(numbers) not in (1, 3):
        raise ValueError("one number, or one for each channel")
    return numbers


def _check_divisors(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if 0 in numbers:
        raise problem("numbers other than 0")
    return numbers


Channels = Annotated[
    tuple[Number, ...],
    Strict(strict=False),
    AfterValidator(_check_channels),
    expecting("one number, or one for each channel, in a list"),
]


def _one_of(names: type[StrEnum]) -> tuple[Strict, WrapValidator]:
    return Strict(strict=False), expecting(" or ".join(names))


class ImagePreprocess(Table):
    """How a picture becomes one input: geometry first, then `(pixel * scale - mean) / std` by channel."""

    input: Annotated[str, expecting("an input's name")] = Field(
        default="", description="the input's name; empty for the only one"
    )
    shorter_side: Pixels = Field(
        default=0,
        description="resize to this length of the shorter side, in pixels, and keep the proportions; 0 does not",
    )
    crop: Pair = Field(default=(0, 0), description="then cut `[height, width]` from the centre; zeros do not")
    size: Pair = Field(
        default=(0, 0), description="then resize to `[height, width]`, whatever the proportions; zeros do not"
    )
    resample: Annotated[Resample, *_one_of(Resample)] = Field(
        default=Resample.BILINEAR, description="Pillow's filter; all but `nearest` smooth before they shrink"
    )
    colour: Annotated[Colour, *_one_of(Colour)] = Field(default=Colour.RGB, description="the order of a pixel's values")
    layout: Annotated[Layout, *_one_of(Layout)] = Field(default=Layout.NCHW, description="the order of the axes")
    scale: Number = Field(default=1 / 255, description="what a pixel's values, 0 to 255, are multiplied by")
    mean: Channels = Field(default=(0.0,), description="what is subtracted then")
    std: Annotated[Channels, AfterValidator(_check_divisors)] = Field(
        default=(1.0,), description="what the difference is divided by"
    )
    dtype: Annotated[Literal["float32", "uint8"], expecting("float32 or uint8")] = Field(
        default="float32", description="`uint8` gives the pixels as they are, to a model that normalises by itself"
    )

    def __call__(self, image: Image) -> np.ndarray:
        """Return the array of one picture, with a batch axis of one."""
        pixels = self._pixels(self._framed(image))
        axes = pixels if self.layout is Layout.NHWC else pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(axes[np.newaxis])

    def _framed(self, image: Image) -> Image:
        from PIL.Image import Resampling

        kernel = Resampling[self.resample.name]
        picture = image.convert("L" if self.colour is Colour.GRAY else "RGB")
        if self.shorter_side:
            picture = picture.resize(_keeping_proportions(picture.size, self.shorter_side), kernel)
        if any(self.crop):
            picture = picture.crop(_centre_box(picture.size, self.crop))
        if any(self.size):
            picture = picture.resize((self.size[1], self.size[0]), kernel)
        return picture

    def _pixels(self, picture: Image) -> np.ndarray:
        raw = np.asarray(picture)
        raw = raw[..., np.newaxis] if raw.ndim == 2 else raw
        raw = raw[..., ::-1] if self.colour is Colour.BGR else raw
        if self.dtype == "uint8":
            return raw
        # float32 throughout, as torchvision's transforms compute.
        scaled = raw.astype(np.float32) * np.float32(self.scale)
        return (scaled - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)


def as_pixels(how: ImagePreprocess) -> ImagePreprocess:
    """Return a preprocessing that only resizes and cuts: what a file that takes images is given."""
    colour = Colour.GRAY if how.colour is Colour.GRAY else Colour.RGB
    changes = {"scale": 1.0, "mean": (0.0,), "std": (1.0,), "colour": colour, "layout": Layout.NCHW, "dtype": "float32"}
    return how.model_copy(update=changes)


PRESETS: Mapping[str, ImagePreprocess] = {
    # Source: https://pytorch.org/vision/stable/models.html (the IMAGENET1K_V1 transforms).
    "imagenet": ImagePreprocess(
        shorter_side=256, crop=(224, 224), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
    # Source: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite (mean 127, std 128).
    "efficientnet-lite": ImagePreprocess(
        shorter_side=256, crop=(224, 224), resample=Resample.BICUBIC, scale=1 / 128, mean=(127 / 128,)
    ),
    "zero-to-one": ImagePreprocess(),
    "minus-one-to-one": ImagePreprocess(scale=2 / 255, mean=(1.0,)),
    "bytes": ImagePreprocess(dtype="uint8", scale=1.0),
}
"""Preprocessings by name; the last three keep a picture's size."""


class PreprocessFile(ImagePreprocess):
    """A preprocessing file: a preset, and what is different from it."""

    preset: Annotated[str, Field(pattern=f"^({'|'.join(PRESETS)})$"), expecting(" or ".join(PRESETS))] = Field(
        default="zero-to-one", description="the preset that the other keys change"
    )


def preprocess_named(name: str, input_name: str = "") -> ImagePreprocess:
    """Return a preset, or the preprocessing that a TOML file describes.

    Raises:
        InputError: no preset and no file of that name, or the file has an unknown key or a value of a wrong type.
    """
    if name in PRESETS:
        found = PRESETS[name]
    elif name.endswith(".toml"):
        file = read_table(Path(name), PreprocessFile, lambda problem: _error(name, problem))
        changes = {key: getattr(file, key) for key in file.model_fields_set - {"preset"}}
        found = PRESETS[file.preset].model_copy(update=changes)
    else:
        raise InputError(f"there is no preprocessing {name}", expected=f"{', '.join(PRESETS)}, or a .toml file")
    return found.model_copy(update={"input": input_name}) if input_name else found


def _error(name: str, problem: Problem) -> InputError:
    return InputError(
        f"{name} {_WHAT[problem.fault]}",
        where=problem.where,
        found=problem.found,
        expected=problem.expected,
        next_step=problem.advice or "correct the file; the documentation's page on files shows every key",
    )


_WHAT = {
    Fault.FILE: "cannot be read",
    Fault.KEY: "has an unknown key",
    Fault.VALUE: "has a value that cannot be used",
}


def _keeping_proportions(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    # torchvision rounds the longer side down.
    # Source: https://pytorch.org/vision/stable/generated/torchvision.transforms.Resize.html
    width, height = size
    return (shorter, shorter * height // width) if width <= height else (shorter * width // height, shorter)


def _centre_box(size: tuple[int, int], crop: tuple[int, int]) -> tuple[int, int, int, int]:
    # A crop larger than the picture pads with black, as Pillow's crop does.
    left, top = round((size[0] - crop[1]) / 2), round((size[1] - crop[0]) / 2)
    return left, top, left + crop[1], top + crop[0]
