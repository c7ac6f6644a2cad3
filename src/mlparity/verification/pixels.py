"""Artifacts that take images: pictures are given as pixels, to the artifact and to the source alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlparity.core.errors import InputError, MlparityError
from mlparity.core.session import SampleSet
from mlparity.core.source import Imaged, Source
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
    if how is None or not artifacts or not all(map(_takes_images, artifacts)):
        return loaded, samples
    return _behind_pixels(loaded, samples, how)


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
    return samples if how is None or not _takes_images(artifact) else _pixels(samples, how)


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


def _takes_images(artifact: Path) -> bool:
    target = target_of(artifact)
    if target is None or target.engine is None:
        return False
    try:
        return any(feature.image is not None for feature in read_stages(artifact)[1].inputs)
    except MlparityError:
        return False  # what is wrong with it is said where it is opened
