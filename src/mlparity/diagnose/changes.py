"""What a source would give with one thing changed: the changes that an artifact may have been made with.

Each is a candidate; it is a cause where the changed source gives what the artifact gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from mlparity.core.change import Change
from mlparity.core.graph_trace import GraphTrace
from mlparity.core.trace import Origin, SourceTrace, TracedOp
from mlparity.diagnose.orders import open_orders
from mlparity.record.causes import CauseKind, Evidence

_LARGE = 100.0
_WRITES, _ANSWERS, _NUMBERS = 24, 12, 9
"""How many writes, answers to Python, and small whole numbers for each are tried (assumed)."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """One change, the cause that it would be, where in the source it is, and what else is to be told of it.

    `constants` are those of the artifact that it comes from, `also` is what else shows it.
    """

    kind: CauseKind
    change: Change
    origin: Origin | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    constants: tuple[str, ...] = ()
    also: tuple[Evidence, ...] = ()


def lost_writes(trace: SourceTrace) -> Iterator[Candidate]:
    """Yield the writes of each line, left out, then each write; the last come first, since a later one hides others."""
    writes = [op for op in trace.ops if op.is_write and op.call >= 0]
    for line in dict.fromkeys(op.origin.line for op in reversed(writes) if op.origin.line):
        calls = [op for op in writes if op.origin.line == line]
        if len(calls) > 1:
            yield Candidate(CauseKind.WRITE, Change(lost=frozenset(op.call for op in calls)), calls[0].origin)
    for op in islice(reversed(writes), _WRITES):
        yield Candidate(CauseKind.WRITE, Change(lost=frozenset({op.call})), op.origin)


def other_answers(
    trace: SourceTrace, others: Sequence[SourceTrace], graph: GraphTrace | None = None
) -> Iterator[Candidate]:
    """Yield the ways in which Python may have gone elsewhere: as on another sample, or with one answer another.

    `others` are the traces of the other samples, the first of which artifacts are mostly made from. An answer may also
    be a number that the artifact holds, or its reciprocal.
    """
    asked = _asked(trace)
    own = [op.answer for op in asked]
    for other in others:
        answers = [op.answer for op in _asked(other)]
        first = _first_other(own, answers)
        if first is not None:
            op = asked[first]
            yield _answered(op, answers, answers[first] if first < len(answers) else None)
    held = _numbers_held(graph)
    for position, op in enumerate(asked[:_ANSWERS]):
        for answer in (*_alternatives(op), *_near(op, held)):
            yield _answered(op, [*own[:position], answer], answer)


def _asked(trace: SourceTrace) -> list[TracedOp]:
    return [op for op in trace.ops if op.answer is not None]


def _answered(op: TracedOp, answers: Sequence[float | None], answer: float | None) -> Candidate:
    known = {"answer": op.answer, "other": answer}
    figures = {name: number for name, number in known.items() if number is not None}
    return Candidate(CauseKind.BRANCH, Change(answers=tuple(answers)), op.origin, figures)


def _first_other(own: Sequence[float | None], answers: Sequence[float | None]) -> int | None:
    """Return where two runs first get another answer; None where they get the same, or one goes on without any."""
    pairs = enumerate(zip(own, answers, strict=False))
    return next((position for position, (left, right) in pairs if left != right), None)


def _alternatives(op: TracedOp) -> Iterator[float]:
    """Yield what Python may have got instead: the other truth value, small whole numbers."""
    answer = op.answer
    if answer is None or not abs(answer) < _LARGE:
        return
    if answer in (0.0, 1.0):
        yield 1.0 - answer
    yield from (float(number) for number in range(_NUMBERS) if number not in (answer, 1.0 - answer))


def _numbers_held(graph: GraphTrace | None) -> list[float]:
    """Return the single numbers among an artifact's constants, and what one over them is."""
    arrays = (graph.values[name] for name in sorted(graph.constants) if name in graph.values) if graph else ()
    found = [float(array.reshape(-1)[0]) for array in arrays if array.size == 1 and array.dtype.kind == "f"]
    finite = [number for number in found if np.isfinite(number) and number]
    return list(dict.fromkeys([*finite, *(1 / number for number in finite)]))[:_HELD]


def _near(op: TracedOp, numbers: Sequence[float]) -> Iterator[float]:
    """Yield the numbers that may be another answer: none of a whole number, within some thousand times otherwise."""
    own = op.answer
    if own is None or own == round(own):
        return
    yield from (each for each in numbers if each * own > 0 and each != own and 1 / _APART < each / own < _APART)


_HELD, _APART = 24, 1000.0
"""How many numbers of an artifact are tried, and how far from the source's they may be (assumed)."""


def other_orders(trace: SourceTrace, graph: GraphTrace | None) -> Iterator[Candidate]:
    """Yield other orders of what the source leaves open: the best without an order, equal values in a sort."""
    for op, results in open_orders(trace, graph):
        yield Candidate(CauseKind.ORDER, Change(given={op.call: results}), op.origin)
