"""A folder of pictures as samples, with small copies of them for the report."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from mlparity.core.errors import BackendUnavailableError, InputError
from mlparity.core.labels import Labels
from mlparity.core.regular_files import open_regular
from mlparity.core.session import Sample, SampleSet
from mlparity.core.user_code import failing_as, raised_at, said
from mlparity.samples.check import check_finite
from mlparity.samples.numbers import as_numbers

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
"""File endings that mean a picture."""

THUMBNAIL_PIXELS = 160
"""The longer side of a small copy."""

Preprocess = Callable[["Image"], np.ndarray]
"""From an upright picture to the array of one input."""


_MEASURES = (itemgetter(0), itemgetter(1), lambda size: size[0] / size[1])
"""What a preprocessing can make an array's size of: a picture's width, its height, or their proportion."""


@dataclass(frozen=True, slots=True)
class ImageSamples:
    """Pictures as samples of one input, read anew in each iteration.

    A sample has the name of its file; with `root`, the file's path below it. `classes` are the folders of the root, in
    the order of their names, where each class has one. `are_pixels` where an artifact takes the images as such.
    """

    files: tuple[Path, ...]
    input: str
    preprocess: Preprocess
    description: str
    warning: str = ""
    root: Path | None = None
    classes: tuple[str, ...] = ()
    are_pixels: bool = False

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.files)

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield (name, sample).

        Raises:
            InputError: a picture cannot be read, or the preprocessing fails or gives NaN.
        """
        for path in self.files:
            yield self._name(path), self._sample(path)

    def named(self, name: str) -> Sample:
        """Return the sample `name`, which must be one of this set.

        Raises:
            InputError: as for all of them.
        """
        return self._sample(self._path(name))

    def first_and_extreme(self, first: int, scanned: int) -> Iterator[tuple[str, Sample]]:
        """Yield the `first` samples, and of `scanned` those whose pictures are narrowest, widest, lowest or tallest.

        Raises:
            InputError: as for all of them.
        """
        files, rest = self.files[:first], self.files[first:scanned]
        sizes = {path: size_of(path) for path in rest}
        orders = [sorted(rest, key=lambda path: measure(sizes[path])) for measure in _MEASURES]
        ends = [order[at] for order in orders if order for at in (0, -1)]
        for path in dict.fromkeys((*files, *ends)):
            yield self._name(path), self._sample(path)

    def prepared(self, preprocess: Preprocess) -> ImageSamples:
        """Return the same pictures, prepared in another way."""
        return replace(self, preprocess=preprocess)

    def thumbnail(self, name: str) -> str:
        """Return a small copy of the picture `name` as a PNG data URI; the name must be one of this set."""
        picture = open_image(self._path(name)).convert("RGB")
        picture.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", optimize=True)
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

    def _path(self, name: str) -> Path:
        return next(path for path in self.files if self._name(path) == name)

    def _name(self, path: Path) -> str:
        return path.name if self.root is None else path.relative_to(self.root).as_posix()

    def _sample(self, path: Path) -> Sample:
        picture = open_image(path)
        with failing_as(lambda error: _failed(path, error)):
            array = np.asanyarray(self.preprocess(picture))
        sample = {self.input: as_numbers(array, f"the preprocessing of {path}")}
        check_finite(sample, str(path))
        return sample


def _failed(path: Path, error: BaseException) -> InputError:
    return InputError(
        "the preprocessing raised an error", where=f"{path}, raised at {raised_at(error)}", found=said(error)
    )


def thumbnail(samples: SampleSet, name: str) -> str:
    """Return a small copy of sample `name` as a PNG data URI, or "" where the samples are no pictures."""
    return samples.thumbnail(name) if isinstance(samples, ImageSamples) else ""


def labels_of(samples: SampleSet, names: tuple[str, ...] = ()) -> Labels | None:
    """Return the labels of pictures that lie in one folder for each class, None for other samples.

    `names` are the classes in the order of the model's output.
    """
    classes = samples.classes if isinstance(samples, ImageSamples) else ()
    return Labels(classes, names) if classes else None


def open_image(path: Path) -> Image:
    """Read one picture, turned upright as its EXIF orientation says.

    Raises:
        InputError: it cannot be read, or has more than 8 bits a channel.
        BackendUnavailableError: Pillow is not installed.
    """
    image_ops = _pillow()[1]
    with _opened(path) as opened:
        picture: Image = image_ops.exif_transpose(opened)
        picture.load()
    if picture.mode.startswith(("I", "F")):
        raise InputError(
            "a picture has more than 8 bits a channel",
            where=str(path),
            found=f"mode {picture.mode}",
            expected="8 bits a channel",
            next_step="save it with 8 bits, or give arrays made by the model's own preprocessing",
        )
    return picture


def size_of(path: Path) -> tuple[int, int]:
    """Return the width and height of a picture, upright, in pixels; the pixels are not read.

    Raises:
        InputError: it cannot be read.
        BackendUnavailableError: Pillow is not installed.
    """
    with _opened(path) as opened:
        width, height = opened.size
        is_turned = opened.getexif().get(_ORIENTATION) in _TURNED
    return (height, width) if is_turned else (width, height)


_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
"""The EXIF tag, and those of its values that swap width and height. Source: EXIF 2.32, 4.6.4 A."""


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open a picture; what Pillow raises then and in the block becomes an `InputError`."""
    image_module, _ = _pillow()
    try:
        with open_regular(path) as file, image_module.open(file) as opened:
            yield opened
    except (OSError, SyntaxError, ValueError, struct.error, image_module.DecompressionBombError) as error:
        raise InputError(
            "a picture cannot be read",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            expected="a whole PNG, JPEG, BMP, GIF, TIFF or WebP file",
            next_step="remove it from the folder, or save it again",
        ) from error


def _pillow() -> tuple[ModuleType, ModuleType]:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise BackendUnavailableError(
            "pictures need Pillow", found=str(error), next_step="pip install 'mlparity[images]'"
        ) from error
    return Image, ImageOps
