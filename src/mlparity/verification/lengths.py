"""What lengths the samples have, and on which of them conversions are made and tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import numpy as np

from mlparity.core.lengths import Flexible, lengths_of, shapes_of
from mlparity.core.session import Sample, SampleSet
from mlparity.core.source import Source
from mlparity.samples.images import ImageSamples

SCANNED, _PICTURES = 1000, 8
"""How many samples are looked at; of pictures, which take long to read, the first and those of the extreme sizes."""


def with_lengths(source: Source, samples: SampleSet) -> Source:
    """Return the source with the dimensions that differ between its samples, of many the first thousand.

    Raises:
        InputError: a sample cannot be read.
    """
    if isinstance(samples, ImageSamples):
        few = samples.first_and_extreme(_PICTURES, SCANNED)
    else:
        few = islice(samples, SCANNED)
    looked_at = [{name: _shape_of(array) for name, array in sample.items()} for _, sample in few]
    lengths = lengths_of(looked_at)
    return replace(source, lengths=lengths, shapes=shapes_of(looked_at)) if lengths else source


def _shape_of(array: np.ndarray) -> np.ndarray:
    """Return an array of the same shape that holds nothing of its own, so that many can be kept."""
    return np.broadcast_to(np.zeros((), array.dtype), array.shape)


def examples(samples: Iterable[Sample], flexible: Flexible, count: int) -> tuple[Sample, ...]:
    """Return the samples that show flexible dimensions best: first one where none has the size 1, then other sizes.

    `torch.export` takes a size of 1 for a fixed one.
    Source: https://pytorch.org/docs/stable/export.html, specialization of 0 and 1.
    """
    axes = [(name, axis) for name, dims in flexible.items() for axis in dims]
    by_sizes: dict[tuple[int, ...], Sample] = {}
    for sample in samples:  # of each length the first alone is held
        by_sizes.setdefault(tuple(sample[name].shape[axis] for name, axis in axes), sample)
    ordered = sorted(by_sizes, key=lambda sizes: (min(sizes) < 2, sizes))
    few = ordered if len(ordered) <= count else [*ordered[: count - 1], ordered[-1]]
    return tuple(by_sizes[sizes] for sizes in few)
