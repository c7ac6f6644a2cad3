"""Class scores beside the samples' labels: how often each side is right, and which decisions changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from mlparity.core.labels import Labels
from mlparity.record.figures import ChangedClass, LabelFigures

_KEPT = 20
"""How many kinds of changes a record lists."""


@dataclass(frozen=True, slots=True)
class LabelTally:
    """How many labelled samples each side puts into their class; a sample whose scores hold a NaN is wrong there.

    `changed` counts the samples of each `LABEL>SOURCE>ARTIFACT` that both sides put into different classes, by number;
    `?` is the class where scores hold a NaN. `unused` says why labels could not be used, "" where they were.
    """

    samples: int = 0
    source_right: int = 0
    artifact_right: int = 0
    both_right: int = 0
    classes: int = 0
    changed: Mapping[str, int] = field(default_factory=dict)
    unused: str = ""


def tally_labels(labels: Labels, source: np.ndarray, artifact: np.ndarray, sample: str) -> LabelTally | None:
    """Compare the best classes of one sample's scores with its label; None where it holds several rows of scores.

    Of equal scores the first is the best.

    Shape: both (classes,) or (1, ..., classes).
    """
    wanted, found = (array.reshape(-1, array.shape[-1]) for array in (source, artifact))
    if len(wanted) != 1:
        return None
    classes = wanted.shape[1]
    label = labels.of(sample, classes)
    if label is None:
        return LabelTally(unused=labels.why_not(classes))
    first, second = _best(wanted[0]), _best(found[0])
    is_changed = first != second
    return LabelTally(
        samples=1,
        source_right=int(first == label),
        artifact_right=int(second == label),
        both_right=int(first == label == second),
        classes=classes,
        changed={_SEPARATOR.join(map(_text, (label, first, second))): 1} if is_changed else {},
    )


_SEPARATOR, _UNREADABLE = ">", "?"


def _best(scores: np.ndarray) -> int | None:
    return None if np.isnan(scores).any() else int(scores.argmax())


def _text(index: int | None) -> str:
    return _UNREADABLE if index is None else str(index)


def merge_labels(first: LabelTally | None, second: LabelTally | None) -> LabelTally | None:
    """Return the tally of both, where `None` is an output without labels."""
    if first is None or second is None:
        return second if first is None else first
    kinds = dict.fromkeys((*first.changed, *second.changed))
    return LabelTally(
        samples=first.samples + second.samples,
        source_right=first.source_right + second.source_right,
        artifact_right=first.artifact_right + second.artifact_right,
        both_right=first.both_right + second.both_right,
        classes=max(first.classes, second.classes),
        changed={kind: first.changed.get(kind, 0) + second.changed.get(kind, 0) for kind in kinds},
        unused=first.unused or second.unused,
    )


def labels_of(tally: LabelTally | None, labels: Labels | None) -> LabelFigures | None:
    """Return the record's form, or None where there are no labels."""
    if tally is None or labels is None:
        return None
    only_source, only_artifact = tally.source_right - tally.both_right, tally.artifact_right - tally.both_right
    kinds = sorted(tally.changed.items(), key=lambda item: -item[1])[:_KEPT]

    def change(kind: str, count: int) -> ChangedClass:
        label, before, after = (
            "no class (NaN)" if text == _UNREADABLE else labels.name(int(text), tally.classes)
            for text in kind.split(_SEPARATOR)
        )
        return ChangedClass(label, before, after, count)

    return LabelFigures(
        samples=tally.samples,
        source_right=tally.source_right,
        artifact_right=tally.artifact_right,
        only_source_right=only_source,
        only_artifact_right=only_artifact,
        p_value=mcnemar(only_source, only_artifact),
        changed=tuple(change(kind, count) for kind, count in kinds),
        unused=tally.unused,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of McNemar's exact test, two-sided: whether both are right equally often.

    1 where no sample is right on one side alone.
    Source: https://doi.org/10.1007/BF02295996, with the binomial distribution in place of its approximation.
    """
    trials, least = only_first + only_second, min(only_first, only_second)
    ways, term = 0, 1
    for index in range(least + 1):
        ways += term
        term = term * (trials - index) // (index + 1)
    return float(min(Fraction(2 * ways, 2**trials), Fraction(1)))
