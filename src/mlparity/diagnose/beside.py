"""Two causes at once: one is taken away, and what is left is explained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from mlparity.core.budget import may_be_left
from mlparity.core.trace import FirstOps
from mlparity.diagnose.by_changes import EXPLAINED, PART, Tried, Tries, tried_alone
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.parts import BESIDE, LEFT
from mlparity.diagnose.preprocessing import ChangedInputs
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation

APART = 1e-4
"""From what distance on what is left of a difference is explained too, of its scale (assumed: rounding does less)."""

_CLEAR = frozenset(CauseKind) - {CauseKind.NONE, CauseKind.UNKNOWN, CauseKind.PRECISION}
_NOT_CONFIRMED = frozenset(
    {Observation.GRAPH_DIFFERS, Observation.GRAPH_DIFFERS_UNCONFIRMED, Observation.ELSEWHERE_UNCONFIRMED}
    | {Observation.ELSEWHERE_DIFFERS, Observation.WEIGHTS_MISSING, Observation.GRAPH_NOT_SEARCHED}
)
_BY_OPS = frozenset({CauseKind.CONVERTER, CauseKind.RUNTIME, CauseKind.UNKNOWN})
_SURE = 0.95
_MOST = 1e9
"""How many numbers are compared at most in the search for pairs (assumed: some seconds)."""


def is_clear(cause: Cause) -> bool:
    """Tell whether a run confirms a cause, and it is none of rounding."""
    return cause.kind in _CLEAR and not any(each.observation in _NOT_CONFIRMED for each in cause.evidence)


def are_clear(causes: Sequence[Cause]) -> bool:
    """Tell whether all of some causes are clear, and ops explain nearly all that they are told for."""
    return bool(causes) and all(is_clear(cause) and _is_sure(cause) for cause in causes)


def _is_sure(cause: Cause) -> bool:
    return cause.kind not in _BY_OPS or all((each.figures.get("removed") or 1.0) >= _SURE for each in cause.evidence)


def with_rest(
    first: tuple[Cause, ...], rest: Callable[[], Sequence[Cause]], left: float, floor: float
) -> tuple[Cause, ...]:
    """Return causes that explain nearly all, and those of what they leave where that is more than rounding."""
    if left <= max(APART, 4 * floor):
        return first
    others: Sequence[Cause] = ()
    with may_be_left(LEFT):
        others = rest()
    return (*first, *others) if are_clear(others) else first


@dataclass(frozen=True, slots=True, eq=False)
class Mend:
    """A fault that may be there, taken away: its cause, the distance that is left, and what explains that.

    `is_seen` tells that values show it too.
    """

    cause: Cause
    left: float
    rest: Callable[[], Sequence[Cause]]
    is_seen: bool = False

    def causes(self, whole: float, others: Sequence[Cause]) -> tuple[Cause, ...]:
        """Return it with the causes of what is left."""
        told = Evidence(Observation.REST_BESIDE, {"rest": self.left, "difference": whole})
        return (replace(self.cause, evidence=(*self.cause.evidence, told)), *others)


def beside(plain: Cause, whole: float, mends: Iterable[Mend]) -> tuple[Cause, ...]:
    """Return a fault and the causes of what is left without it, where those begin at fewer ops than `plain` has.

    A value of the source in the place of a late one hides all that is wrong before it, so that `plain` goes over many
    ops where there are two faults; a fault that is none leaves as many. One that `is_seen` may leave as many.
    """
    best: tuple[Cause, ...] = (plain,)
    size = _size(best)
    with may_be_left(BESIDE):
        for mend in mends if plain.kind in _BY_OPS and whole > APART else ():
            is_worth = (size > 1 or mend.is_seen) and APART < mend.left < whole
            others = mend.rest() if is_worth else ()
            if are_clear(others) and _size(others) < size + mend.is_seen:
                best, size = mend.causes(whole, others), _size(others)
    return best


def is_seen(tried: Tried, plain: Cause, first: FirstOps) -> bool:
    """Tell whether a write is where the source first does what the artifact does not, and `plain` begins elsewhere."""
    origin = tried.candidate.origin
    if tried.candidate.kind is not CauseKind.WRITE or origin is None or not first.covers(tried.candidate.change.lost):
        return False
    return bool(origin.line) and all(op.origin and origin.line not in op.origin for op in plain.ops)


def _size(causes: Sequence[Cause]) -> int:
    """Return at how many ops causes begin; where no op is known, at more than any."""
    return sum((len(cause.ops) or _MANY) if cause.kind in _BY_OPS else 0 for cause in causes)


_MANY = 100


def input_and_change(tries: Tries, changes: Sequence[ChangedInputs]) -> tuple[Cause, ...]:
    """Return a changed input and a changed source that together make the difference vanish; none where none do."""
    sides = tries.sides
    numbers = sum(value.numel() for value in sides.expected.values())
    if not tries.candidates or numbers * len(changes) * len(tries.candidates) > _MOST:
        return ()
    whole = min(sides.whole, 1.0)
    alone = {id(each.candidate): each.part for each in tried_alone(tries)}
    runs = [(each, outputs) for each in tries.candidates if (outputs := tries.outputs(each)) is not None]
    pairs = (
        (removed(whole, distance(changed.outputs, outputs)), changed, each)
        for changed in changes
        for each, outputs in runs
    )
    part, changed, candidate = max(pairs, key=lambda pair: pair[0], default=(0.0, None, None))
    if changed is None or candidate is None or part < _TOGETHER:
        return ()
    by_input = removed(whole, distance(changed.outputs, sides.expected))
    by_source = alone.get(id(candidate), 0.0)
    if part - max(by_input, by_source) < PART or max(by_input, by_source) < PART:
        return ()
    is_first = by_input >= by_source
    shares = (by_input, part - by_input) if is_first else (part - by_source, by_source)
    causes = (suspect_cause(changed.name, shares[0], sides.whole), Tried(candidate, shares[1]).cause(sides))
    return causes if is_first else causes[::-1]


_TOGETHER = 0.99
"""What two have to explain together; of some thousands of pairs one may come near by chance (assumed)."""


def suspect_cause(name: str, part: float, difference: float) -> Cause:
    """Return a change of an input or an output as a cause."""
    figures = {"removed": part, "difference": difference}
    return Cause(CauseKind.PREPROCESSING, (Evidence(Observation.INPUT_SUSPECT, figures, {"suspect": name}),))


def likely_changes(tries: Tries) -> list[Tried]:
    """Return the changes of the source that explain some of the difference, but for its weights, the largest first."""
    tried = [each for each in tried_alone(tries) if PART <= each.part < EXPLAINED]
    tried = [each for each in tried if each.candidate.kind is not CauseKind.WEIGHTS]
    return sorted(tried, key=lambda each: -each.part)[:_TRIED]


def likely_inputs(
    changes: Sequence[ChangedInputs], whole: float, expected: Tensors
) -> list[tuple[ChangedInputs, float]]:
    """Return the changes of inputs that take some of the difference away, with the part that they do, largest first."""
    parts = [(each, removed(min(whole, 1.0), distance(each.outputs, expected))) for each in changes]
    return sorted((pair for pair in parts if pair[1] >= PART), key=lambda pair: -pair[1])[:_TRIED]


_TRIED = 2
