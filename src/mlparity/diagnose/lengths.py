"""A length that is fixed in an artifact which takes inputs of any: at one length it agrees, at others it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from mlparity.core.trace import SourceTrace
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation

_AGREES, _APART = 1e-3, 1e-2
"""Up to which distance both sides agree, and from which on they do not, of the outputs' scale (assumed)."""


def agreed_length(apart: Mapping[int, float]) -> int | None:
    """Return the one length at which an artifact agrees with its source; None where none does, or more than one.

    `apart` has the distance of both at each length that was tried, infinite where one side fails.
    """
    agreeing = [length for length, distance in apart.items() if distance <= _AGREES]
    differing = [length for length, distance in apart.items() if distance >= _APART]
    return agreeing[0] if len(agreeing) == 1 and len(differing) >= 1 else None


def parting_line(here: Sequence[str], there: Sequence[str]) -> str:
    """Return the line after which two runs go different ways, "" where they take the same lines."""
    pairs = zip(pairwise(here), pairwise(there), strict=False)
    return next((left[0] for left, right in pairs if left != right), "")


def parting_number(here: SourceTrace, there: SourceTrace) -> str:
    """Return the line of the first op with another number in its code, a fraction before a whole one."""
    pairs = [(left, right) for left, right in zip(here.ops, there.ops, strict=False) if left.origin == right.origin]
    for kind in (float, int):
        for left, right in pairs:
            numbers = {name: value for name, value in left.settings.items() if type(value) is kind}
            if any(right.settings.get(name) != value for name, value in numbers.items()):
                return str(left.origin)
    return ""


def cause_of_length(name: str, own: int, agreed: int, where: str, difference: float) -> Cause:
    """Return the cause of a length that is fixed."""
    figures = {"own": float(own), "agreed": float(agreed), "difference": difference}
    evidence = Evidence(Observation.LENGTH_FIXED, figures, {"input": name, "where": where})
    return Cause(CauseKind.BRANCH, (evidence,))
