"""From a picture to an array: the preprocessing as data, with presets."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.numbers import value_text
from mlparity.core.regular_files import SMALL, read_regular

if TYPE_CHECKING:
    from PIL.Image import Image


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


@dataclass(frozen=True, slots=True)
class ImagePreprocess:
    """How a picture becomes one input: geometry first, then `(pixel * scale - mean) / std` by channel.

    `shorter_side` resizes and keeps the proportions; `crop` then cuts (height, width) from the centre; `size`
    resizes to (height, width) and ignores the proportions. Zero means not at all. `input` is the input's name,
    or "" for the model's only one. `dtype` is float32, or uint8 for a model that normalises by itself.
    """

    input: str = ""
    shorter_side: int = 0
    crop: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)
    resample: Resample = Resample.BILINEAR
    colour: Colour = Colour.RGB
    layout: Layout = Layout.NCHW
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    dtype: str = "float32"

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


def preprocess_named(name: str, input_name: str = "") -> ImagePreprocess:
    """Return a preset, or the preprocessing that a TOML file describes.

    Raises:
        InputError: no preset and no file of that name, or the file has an unknown key or a value of a wrong type.
    """
    if name in PRESETS:
        found = PRESETS[name]
    elif name.endswith(".toml"):
        found = _from_toml(Path(name))
    else:
        raise InputError(f"there is no preprocessing {name}", expected=f"{', '.join(PRESETS)}, or a .toml file")
    return replace(found, input=input_name) if input_name else found


def _from_toml(path: Path) -> ImagePreprocess:
    try:
        table = tomllib.loads(read_regular(path, limit=SMALL).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read", found=str(error), expected="a TOML file") from error
    base = table.pop("preset", "zero-to-one")
    known = {field.name for field in fields(ImagePreprocess)}
    if not isinstance(base, str) or base not in PRESETS or not set(table) <= known:
        unknown = sorted(set(table) - known) or [f"preset {base}"]
        raise InputError(f"{path} has an unknown key", found=", ".join(unknown), expected=", ".join(sorted(known)))
    values = {key: _typed(key, value, path) for key, value in table.items()}
    return replace(PRESETS[base], **values)  # type: ignore[arg-type]


_NUMBERS = (int, float)
_TYPES: Mapping[str, tuple[type, ...]] = {"input": (str,), "dtype": (str,), "shorter_side": (int,), "scale": _NUMBERS}
_ENUMS: Mapping[str, type[StrEnum]] = {"resample": Resample, "colour": Colour, "layout": Layout}
_PAIRS = frozenset({"crop", "size"})


def _typed(key: str, value: object, path: Path) -> object:
    if key in _ENUMS and value in [member.value for member in _ENUMS[key]]:
        return _ENUMS[key](value)
    if key in _TYPES and isinstance(value, _TYPES[key]) and (key != "dtype" or value in ("float32", "uint8")):
        return value
    if isinstance(value, list) and all(isinstance(part, _NUMBERS) for part in value):
        whole = len(value) == 2 and all(isinstance(part, int) for part in value)
        if (key in _PAIRS and whole) or (key in ("mean", "std") and len(value) in (1, 3)):
            return tuple(value)
    raise InputError(
        f"{path} has a value that cannot be used", where=key, found=value_text(value), expected=_EXPECTED[key]
    )


_EXPECTED: Mapping[str, str] = {
    "input": "an input's name",
    "dtype": "float32 or uint8",
    "shorter_side": "pixels",
    "scale": "a number",
    "crop": "[height, width]",
    "size": "[height, width]",
    "mean": "one number, or one for each channel, in a list",
    "std": "one number, or one for each channel, in a list",
    **{key: " or ".join(kinds) for key, kinds in _ENUMS.items()},
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
