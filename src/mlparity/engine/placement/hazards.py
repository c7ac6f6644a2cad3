"""Ops of which a report says that the Neural Engine computes them wrongly; none of this moves an op."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlparity.engine.mil.program import Function, Op
from mlparity.engine.placement.known import Known, known_of
from mlparity.engine.placement.rules import NEWEST_MACOS, Effect, Rule, rules_of


def hazards_of(function: Function, macos: int = NEWEST_MACOS) -> Mapping[str, tuple[Rule, ...]]:
    """Return the hazards of each op that has some, by its first output."""
    known, rules = known_of(function), rules_of(macos)
    found: dict[str, tuple[Rule, ...]] = {}
    for op in function.walk():
        met = dict(_numbers(op, known))
        hit = tuple(rules[name] for name in met if name in rules and _passes(rules[name], met[name]))
        if hit and op.outputs:
            found[op.outputs[0].name] = hit
    return found


def _passes(rule: Rule, number: int) -> bool:
    is_range = rule.name == "sequence length"
    return rule.effect is Effect.HAZARD and rule.limit < number <= (rule.limit + 3 if is_range else number)


def _numbers(op: Op, known: Known) -> Iterator[tuple[str, int]]:
    """Yield what the hazards test: of attention the sizes of its score matrix, of packed weights their scales."""
    rows, columns = _scores(op, known)
    if rows and columns:
        yield "score matrix", rows * columns
        yield "sequence length", columns
        yield "token count", columns % 32
    if op.type == "constexpr_blockwise_shift_scale":
        scales = known.shape(op, "scale")
        data = op.inputs.get("data", ())
        kind = known.tensor(data[0]) if data else None
        if kind is not None and kind.dtype == "int8":
            yield "int8 by block", sum((size or 1) > 1 for size in scales) - 1


def _scores(op: Op, known: Known) -> tuple[int | None, int | None]:
    """Return the sizes of one head's score matrix: of a softmax over rank 3 or more, or of attention as one op."""
    if op.type == "scaled_dot_product_attention":
        query, key = known.shape(op, "query"), known.shape(op, "key")
        return (query[-2], key[-2]) if len(query) > 1 and len(key) > 1 else (None, None)
    shape = known.shape(op, "x") if op.type == "softmax" else ()
    return (shape[-2], shape[-1]) if len(shape) > 2 else (None, None)
