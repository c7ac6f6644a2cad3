"""What lengths the samples have, and on which of them conversions are made and tried."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from mlparity.core.lengths import Flexible, lengths_of
from mlparity.core.session import Sample, SampleSet
from mlparity.samples.images import ImageSamples

_SCANNED, _PICTURES = 1000, 8
"""How many samples are looked at; fewer pictures, which take long to read and mostly have one size (assumed)."""


def lengths_in(samples: SampleSet) -> Flexible:
    """Return the dimensions that differ between the samples, of many the first thousand.

    Raises:
        InputError: a sample cannot be read.
    """
    count = _PICTURES if isinstance(samples, ImageSamples) else _SCANNED
    return lengths_of(sample for _, sample in islice(samples, count))


def examples(samples: Sequence[Sample], flexible: Flexible, count: int) -> tuple[Sample, ...]:
    """Return the samples that show flexible dimensions best: first one where none has the size 1, then other sizes.

    `torch.export` takes a size of 1 for a fixed one.
    Source: https://pytorch.org/docs/stable/export.html, specialization of 0 and 1.
    """
    axes = [(name, axis) for name, dims in flexible.items() for axis in dims]
    by_sizes = {tuple(sample[name].shape[axis] for name, axis in axes): sample for sample in reversed(samples)}
    ordered = sorted(by_sizes, key=lambda sizes: (min(sizes) < 2, sizes))
    few = ordered if len(ordered) <= count else [*ordered[: count - 1], ordered[-1]]
    return tuple(by_sizes[sizes] for sizes in few)
