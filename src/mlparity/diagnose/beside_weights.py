"""Other weights, and another cause beside them: what is left with the artifact's weights in the source is explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mlparity.diagnose.by_changes import Sides, listed, weights_of_artifact
from mlparity.diagnose.constants import is_multiple
from mlparity.diagnose.distance import distance
from mlparity.diagnose.other_weights import Replacement, Weights
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation

Rest = Callable[[Weights], tuple[Sides, Sequence[Cause]] | None]
"""Returns both sides with other weights in the source, and the causes of what is left; None where it cannot."""

_CLEAR = frozenset(CauseKind) - {CauseKind.NONE, CauseKind.UNKNOWN, CauseKind.WEIGHTS, CauseKind.PRECISION}
_NOT_CONFIRMED = frozenset(
    {Observation.GRAPH_DIFFERS, Observation.GRAPH_DIFFERS_UNCONFIRMED, Observation.ELSEWHERE_UNCONFIRMED}
    | {Observation.ELSEWHERE_DIFFERS, Observation.GRAPH_NOT_SEARCHED}
)


def beside_weights(sides: Sides, rest: Rest) -> tuple[Cause, ...]:
    """Return the weights as a cause, then what else there is; none where nothing else is clear.

    Where what is left would begin at an op that reads a replaced weight, the weight stands in a wrong place.
    """
    for each in weights_of_artifact(sides):
        if _are_multiples(each, sides):
            continue
        found = rest(each.weights)
        if found is None:
            continue
        others, causes = found
        if causes and all(_is_clear(cause, each, sides) for cause in causes):
            return (_cause(sides, others, each), *causes)
    return ()


def _are_multiples(replaced: Replacement, sides: Sides) -> bool:
    """Tell whether all weights are the source's times one number, which a converter may have folded into them."""
    own = sides.weights or {}
    return all(name in own and is_multiple(array, own[name]) for name, array in replaced.weights.items())


def _is_clear(cause: Cause, replaced: Replacement, sides: Sides) -> bool:
    if cause.kind not in _CLEAR or any(evidence.observation in _NOT_CONFIRMED for evidence in cause.evidence):
        return False
    return not set(_read_at(cause, sides)) & set(replaced.constants)


def _read_at(cause: Cause, sides: Sides) -> Iterator[str]:
    named = {op.name for op in cause.ops}
    for op in sides.graph.ops if sides.graph is not None else ():
        if op.name in named:
            yield from op.inputs


def _cause(sides: Sides, others: Sides, replaced: Replacement) -> Cause:
    figures = {"difference": sides.whole, "rest": distance(others.found, others.expected)}
    evidence = Evidence(Observation.WEIGHTS_BESIDE, figures, {"layers": listed(replaced.layers)})
    return Cause(CauseKind.WEIGHTS, (evidence,))
