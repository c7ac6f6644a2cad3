"""Artifacts that take images: pictures are given as pixels, to the artifact and to the source alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.session import SampleSet
from mlparity.engine.reading import read_stages
from mlparity.samples.images import ImageSamples
from mlparity.samples.preprocess import Colour, ImagePreprocess, Layout
from mlparity.sources.load import LoadedModule
from mlparity.sources.pixels import PixelSteps, from_pixels
from mlparity.targets.table import target_of


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
    steps = PixelSteps(how.scale, how.mean, how.std, how.colour is Colour.BGR, how.layout is Layout.NHWC)
    pixels = _pixels(samples, how)
    return from_pixels(loaded, pixels.input, steps), pixels


def pixels_for(artifact: Path, samples: SampleSet) -> SampleSet:
    """Return the samples as pixels where the artifact takes images, else as they are."""
    how = _normalising(samples)
    return samples if how is None or not _takes_images(artifact) else _pixels(samples, how)


def _normalising(samples: SampleSet) -> ImagePreprocess | None:
    how = samples.preprocess if isinstance(samples, ImageSamples) else None
    return how if isinstance(how, ImagePreprocess) and how.dtype == "float32" else None


def _pixels(samples: SampleSet, how: ImagePreprocess) -> ImageSamples:
    assert isinstance(samples, ImageSamples)  # noqa: S101 - it has a preprocessing
    colour = Colour.GRAY if how.colour is Colour.GRAY else Colour.RGB
    changes = {"scale": 1.0, "mean": (0.0,), "std": (1.0,), "colour": colour, "layout": Layout.NCHW}
    return replace(samples, preprocess=how.model_copy(update=changes))


def _takes_images(artifact: Path) -> bool:
    target = target_of(artifact)
    if target is None or target.engine is None:
        return False
    try:
        return any(feature.image is not None for feature in read_stages(artifact)[1].inputs)
    except MlparityError:
        return False  # what is wrong with it is said where it is opened
