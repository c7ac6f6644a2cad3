"""Causes that show on other samples than the one that differs most."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from mlparity.core.budget import may_be_left
from mlparity.diagnose.beside import APART, are_clear
from mlparity.diagnose.parts import OTHER_SAMPLES
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation

_LOOKED, _EXPLAINED, _ALIKE = 8, 3, 1
"""At how many other samples is looked, and how many of them are explained at most: of those alike, one (assumed)."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """An artifact and its source on one sample: how far they are apart, where that begins, and why.

    `floor` is the distance that rounding explains. `begins` gives the same for samples that differ for the same reason,
    as far as a run tells; None where nothing can be told.
    """

    sample: str
    whole: float
    floor: float
    begins: Callable[[], Hashable | None]
    explain: Callable[[], tuple[Cause, ...]]


def explain_samples(worst: Sampled, others: Sequence[Sampled]) -> tuple[Cause, ...]:
    """Return the causes on the sample that differs most, then those that others show beside them.

    Others are explained where the difference begins elsewhere, and one where it begins at the same place.
    """
    causes = worst.explain()
    with may_be_left(OTHER_SAMPLES):
        for each in _to_explain(worst, others):
            found = [cause for cause in each.explain() if are_clear((cause,))]
            seen = Evidence(Observation.ON_SAMPLE, names={"sample": each.sample})
            new = (cause for cause in found if not any(_is_same(cause, other) for other in causes))
            causes += tuple(replace(cause, evidence=(*cause.evidence, seen)) for cause in new)
    return causes


def _to_explain(worst: Sampled, others: Sequence[Sampled]) -> list[Sampled]:
    large = [each for each in others if each.whole > max(APART, 4 * each.floor)]
    ranked = sorted(large, key=lambda each: -each.whole)[:_LOOKED]
    known = {worst.begins()} if ranked else set()
    elsewhere, alike = list[Sampled](), list[Sampled]()
    for each in ranked:
        begins = each.begins()
        if begins is not None:
            (alike if begins in known else elsewhere).append(each)
            known.add(begins)
    return [*elsewhere, *alike[:_ALIKE]][:_EXPLAINED]


_BY_PLACE = {CauseKind.WRITE: "where", CauseKind.BRANCH: "where", CauseKind.ORDER: "where"}
_BY_OPS = frozenset({CauseKind.CONVERTER, CauseKind.RUNTIME})


def _is_same(cause: Cause, known: Cause) -> bool:
    """Tell whether a cause is one that is told already: of the same line, or the same op."""
    ops, others = ({op.name for op in each.ops} for each in (cause, known))
    if cause.kind in _BY_OPS:
        return bool(ops & others)
    if cause.kind is not known.kind:
        return False
    if cause.kind in _BY_PLACE:
        return _names(cause, "where") == _names(known, "where")
    if cause.kind is CauseKind.WEIGHTS:
        return _names(cause, "layers") <= _names(known, "layers")
    return True


def _names(cause: Cause, name: str) -> set[str]:
    return {part for each in cause.evidence if name in each.names for part in each.names[name].split(", ")}
