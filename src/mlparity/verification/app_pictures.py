"""Pictures as an app prepares them for the artifacts, where that is not how the source's are prepared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from mlparity.core.errors import InputError
from mlparity.core.session import Outputs, Sample, SampleSet
from mlparity.diagnose.distance import removed
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.samples.images import ImageSamples
from mlparity.samples.load import load_preprocess
from mlparity.samples.preprocess import ImagePreprocess, as_pixels
from mlparity.verification.distances import apart

Run = Callable[[Sample], Outputs]


@dataclass(frozen=True, slots=True, eq=False)
class AppPictures:
    """The pictures of the samples as an app prepares them, and what it does otherwise, with both values."""

    samples: ImageSamples
    differing: str

    def given(self, name: str, sample: Sample) -> Sample:
        """Return what the artifacts are given for a sample.

        Raises:
            InputError: the picture cannot be read or prepared.
        """
        return {**sample, **self.samples.named(name)}

    @property
    def note(self) -> str:
        """What the record says of it."""
        return f"the artifacts are given pictures as the app prepares them: {self.differing}"


def app_pictures(samples: SampleSet, how: str | None) -> AppPictures | None:
    """Return the pictures of `samples` as `how` prepares them, None where that is not asked for.

    Of a preprocessing for artifacts that take images only resizing and cutting count: the rest is in the file.

    Raises:
        InputError: the samples are no pictures, or there is no such preprocessing.
    """
    if how is None:
        return None
    if not isinstance(samples, ImageSamples):
        raise InputError(
            "an app's preprocessing is one of pictures",
            found=samples.description,
            expected="a folder of pictures",
            next_step="give --inputs FOLDER, or leave out --artifact-preprocess",
        )
    theirs = load_preprocess(how, samples.input)
    if samples.are_pixels and isinstance(theirs, ImagePreprocess):
        theirs = as_pixels(theirs)
    return AppPictures(samples.prepared(theirs), _differing(samples.preprocess, theirs, how))


def _differing(ours: object, theirs: object, how: str) -> str:
    if not isinstance(ours, ImagePreprocess) or not isinstance(theirs, ImagePreprocess):
        return f"{how} in place of the source's preprocessing"
    fields = [name for name in ImagePreprocess.model_fields if getattr(ours, name) != getattr(theirs, name)]
    told = (
        f"{name} {_shown(getattr(theirs, name))} where the source has {_shown(getattr(ours, name))}" for name in fields
    )
    return ", ".join(told) or "in the same way"


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, float):
        return f"{value:.5g}"
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, tuple) else str(value)


def cause_of_app(pictures: AppPictures, samples: Mapping[str, Sample], run: Run, source: Run) -> tuple[Cause, float]:
    """Return the cause that the app's preprocessing is, and the part of the difference that is its.

    Of the samples the one that differs most tells; `run` and `source` are the artifact and the source.

    Raises:
        MlparityError: a picture cannot be prepared, or the artifact or the source cannot be run.
    """
    found = []
    for name, sample in samples.items():
        expected = source(sample)
        given = apart(run(pictures.given(name, sample)), expected)
        found.append((given, apart(run(sample), expected), name))
    before, after, name = max(found)
    gone = removed(min(before, 1.0), after)
    evidence = Evidence(
        Observation.APP_PREPROCESSING,
        {"removed": gone, "difference": before, "rest": after},
        {"how": pictures.differing, "sample": name},
    )
    return Cause(CauseKind.PREPROCESSING, (evidence,)), gone
