"""Artifacts that take images: pictures are given as pixels, to the artifact and to the source alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlparity.core.errors import InputError, MlparityError
from mlparity.core.session import SampleSet
from mlparity.core.source import Imaged, Source
from mlparity.engine.mil.program import Feature
from mlparity.engine.reading import read_stages
from mlparity.samples.images import ImageSamples
from mlparity.samples.preprocess import Colour, ImagePreprocess, Layout, as_pixels
from mlparity.samples.unshown import unshown
from mlparity.sources.load import LoadedModule, flatten_source
from mlparity.sources.pixels import PixelSteps, as_image, from_pixels
from mlparity.targets.table import target_of

_NOTE = "the artifact takes images: both sides are given the pixels, and the source's preprocessing is part of it"


def taking_pixels(
    loaded: LoadedModule, samples: SampleSet, artifacts: Sequence[Path]
) -> tuple[LoadedModule, SampleSet]:
    """Give the source and the artifacts pixels, where all of these take images and the pictures would be normalised.

    Resizing and cropping stay before both. Samples that are no pictures, or a preprocessing of the user's own, stay.
    So do those for images and tensors at once: pixels would be wrong numbers for the artifact that takes tensors.
    """
    how = _normalising(samples)
    images = [image for artifact in artifacts if (image := _image_of(artifact)) is not None]
    if how is None or not artifacts or len(images) < len(artifacts):
        return loaded, samples
    given, pixels = _behind_pixels(loaded, samples, how)
    shape = next(iter(pixels))[1][pixels.input].shape
    for artifact, image in zip(artifacts, images, strict=True):
        _check_fits(artifact, image, shape)
    return given, pixels


_CHANNELS = {"RGB": 3, "BGR": 3, "GRAYSCALE": 1, "GRAYSCALE_FLOAT16": 1}


def _check_fits(artifact: Path, image: Feature, shape: tuple[int, ...]) -> None:
    """Refuse pictures of another size or kind than an artifact's image; a flexible one says so by itself.

    Raises:
        InputError: as said.
    """
    kind = image.image
    if kind is None:
        return
    channels, height, width = shape[1:]
    wanted = _CHANNELS.get(kind.color, channels)
    is_flexible = bool(image.sizes or image.choices)
    if channels == wanted and (is_flexible or (height, width) == (kind.height, kind.width)):
        return
    raise InputError(
        f"the pictures are not what the image {image.name!r} of the artifact is",
        where=str(artifact),
        found=f"{_NAMED.get(channels, channels)}, {height} x {width} pixels",
        expected=f"{kind.color}, {kind.height} x {kind.width} pixels (height x width)",
        next_step=f'set size = [{kind.height}, {kind.width}] and colour = "{"GRAY" if wanted == 1 else "RGB"}" in the'
        " preprocessing file, as the model was trained",
    )


_NAMED = {1: "grey", 3: "RGB"}


def with_image_input(loaded: LoadedModule, samples: SampleSet, name: str) -> tuple[Source, SampleSet]:
    """Return the source for a conversion whose input `name` is an image, and the samples as pixels.

    Resizing and cropping stay before both; scale, mean, standard deviation and the order of channels are converted.

    Raises:
        InputError: the samples are no pictures for that input, or their preprocessing is a function of the user's.
        SourceError: the module fails on the first sample.
    """
    how = _normalising(samples)
    if how is None:
        raise _no_pictures(name, samples)
    if how.input != name:
        raise InputError(
            "the input that is to be an image is not the one that the pictures are for",
            found=name,
            expected=how.input,
            next_step=f"name it: --image-input {how.input}",
        )
    steps, (given, pixels) = _steps(how), _behind_pixels(loaded, samples, how)
    sample = next(iter(pixels))[1]
    image, left = as_image(steps, sample[name].shape[1])
    inner = flatten_source(from_pixels(loaded, name, left), sample)
    return replace(flatten_source(given, sample), imaged=Imaged(inner, {name: image})), pixels


def pixels_for(artifact: Path, samples: SampleSet) -> SampleSet:
    """Return the samples as pixels where the artifact takes images, else as they are."""
    how = _normalising(samples)
    return samples if how is None or _image_of(artifact) is None else _pixels(samples, how)


def _no_pictures(name: str, samples: SampleSet) -> InputError:
    return InputError(
        f"the input {name!r} cannot be an image",
        found=samples.description,
        expected="a folder of pictures, and a preprocessing by name or in a TOML file, which becomes part of the model",
        next_step="give --inputs FOLDER --preprocess imagenet, for example, or leave out --image-input",
    )


def _behind_pixels(loaded: LoadedModule, samples: SampleSet, how: ImagePreprocess) -> tuple[LoadedModule, ImageSamples]:
    pixels = _pixels(samples, how)
    given = from_pixels(loaded, pixels.input, _steps(how))
    return replace(given, notes=(*given.notes, _NOTE, *unshown(pixels))), pixels


def _normalising(samples: SampleSet) -> ImagePreprocess | None:
    how = samples.preprocess if isinstance(samples, ImageSamples) else None
    return how if isinstance(how, ImagePreprocess) and how.dtype == "float32" else None


def _steps(how: ImagePreprocess) -> PixelSteps:
    return PixelSteps(how.scale, how.mean, how.std, how.colour is Colour.BGR, how.layout is Layout.NHWC)


def _pixels(samples: SampleSet, how: ImagePreprocess) -> ImageSamples:
    assert isinstance(samples, ImageSamples)  # noqa: S101 - it has a preprocessing
    return replace(samples, preprocess=as_pixels(how), are_pixels=True)


def _image_of(artifact: Path) -> Feature | None:
    """Return the first input of an artifact that is an image, None without any."""
    target = target_of(artifact)
    if target is None or target.engine is None:
        return None
    try:
        return next((feature for feature in read_stages(artifact)[1].inputs if feature.image is not None), None)
    except MlparityError:
        return None  # what is wrong with it is said where it is opened
