"""Tallies merged in any grouping are those of one pass, field by field; a wrong sum in one field is noticed."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.compare import retrieval
from mlparity.compare.decisions import DecisionTally, merge_decisions
from mlparity.compare.labels import LabelTally, merge_labels
from mlparity.compare.masks import MaskTally, merge_masks
from mlparity.compare.retrieval import RetrievalTally
from mlparity.compare.tally import Tally, TaskTally, merge
from mlparity.compare.tokens import TokenTally, merge_tokens

Rule = Callable[[Sequence[Any]], object]
Merge = Callable[[Any, Any], Any]


def _first_names(parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part)[:20]


def _counted(parts: Sequence[dict[str, int]]) -> dict[str, int]:
    return dict(sum((Counter(part) for part in parts), Counter()))


def _earliest(parts: Sequence[tuple[float, str, float]]) -> tuple[float, str, float]:
    found = [part for part in parts if part[1]]
    return min(found, key=lambda part: part[0]) if found else parts[0]


def _told(parts: Sequence[str]) -> str:
    return next(filter(None, parts), "")


SUMS = {
    Tally: "elements finite sum_abs squared_error source_energy artifact_energy product"
    " nans nan_mismatches new_nans inf_mismatches",
    DecisionTally: "decisions flipped certified topk_flipped topk_of top5_kept top5_of",
    MaskTally: "samples iou_sum changed pixels",
    TokenTally: "positions agreed source_loss artifact_loss",
    LabelTally: "samples source_right artifact_right both_right",
    RetrievalTally: "queries same_nearest kept ranked correlation",
}
OTHERS: dict[type, dict[str, Rule]] = {
    Tally: {"max_abs": max, "source_max": max, "min_abs": min, "source_min": min},
    DecisionTally: {"smallest_margin": min, "flipped_margin": max, "consumed": max, "names": _first_names},
    MaskTally: {"iou_worst": min},
    TokenTally: {"first": _earliest},
    LabelTally: {"classes": max, "changed": _counted, "unused": _told},
    RetrievalTally: {"correlation_worst": min},
}
MERGES: dict[type, Merge] = {
    Tally: merge,
    DecisionTally: merge_decisions,
    MaskTally: merge_masks,
    TokenTally: merge_tokens,
    LabelTally: merge_labels,
    RetrievalTally: retrieval._merge,
}
RULES: dict[type, dict[str, Rule]] = {
    kind: {**dict.fromkeys(SUMS[kind].split(), sum), **rules} for kind, rules in OTHERS.items()
}
ELSEWHERE: dict[type, set[str]] = {Tally: {"task"}}
"""Fields that are tallies themselves."""

WHOLE = st.integers(1, 1000)
"""Counts, and as halves the values of sums: float64 adds these up without a rounding, in any order."""

VALUES: dict[tuple[type, str], st.SearchStrategy[Any]] = {
    (DecisionTally, "names"): st.lists(st.sampled_from("abcdef"), max_size=9).map(tuple),
    (TokenTally, "first"): st.one_of(
        st.just((math.inf, "", 0.0)), st.tuples(WHOLE.map(float), st.sampled_from("abc"), WHOLE.map(float))
    ),
    (LabelTally, "changed"): st.dictionaries(st.sampled_from("abc"), WHOLE, max_size=3),
    (LabelTally, "unused"): st.sampled_from(["", "one", "two"]),
}


def tallies(kind: type) -> st.SearchStrategy[Any]:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    return st.builds(
        kind,
        **{
            name: VALUES.get(
                (kind, name), WHOLE if isinstance(fields[name].default, int) else WHOLE.map(lambda n: n / 2)
            )
            for name in RULES[kind]
        },
    )


def in_groups(parts: Sequence[Any], cuts: Sequence[int], merged: Merge) -> Any:
    """Merge each group of neighbours, then the groups from the last one on."""
    ends = [0, *sorted(cut % len(parts) for cut in cuts), len(parts)]
    groups = [parts[start:end] for start, end in pairwise(ends) if start < end]
    return reduce(lambda later, earlier: merged(earlier, later), reversed([reduce(merged, group) for group in groups]))


def wrong_fields(kind: type, parts: Sequence[Any], cuts: Sequence[int], merged: Merge) -> list[str]:
    """Return the fields that are not what one pass over all parts gives."""
    found = in_groups(parts, cuts, merged)
    return [
        name
        for name, rule in RULES[kind].items()
        if getattr(found, name) != rule([getattr(part, name) for part in parts])
    ]


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
def test_every_field_has_a_rule(kind: type) -> None:
    assert {field.name for field in dataclasses.fields(kind)} == RULES[kind].keys() | ELSEWHERE.get(kind, set())
    parts = {field.name for field in dataclasses.fields(TaskTally)}
    assert parts == {"decisions", "mask", "retrieval", "tokens", "labels"}, "a new tally needs rules too"


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=40)
@given(st.data(), st.lists(st.integers(0, 20), max_size=4))
def test_any_grouping_gives_what_one_pass_gives(kind: type, data: st.DataObject, cuts: list[int]) -> None:
    parts = data.draw(st.lists(tallies(kind), min_size=1, max_size=8))
    assert wrong_fields(kind, parts, cuts, MERGES[kind]) == []


def test_tallies_of_tasks_are_merged_each_by_itself() -> None:
    def whole(task: TaskTally) -> Tally:
        return Tally(task=task)

    mask, tokens = MaskTally(2, 1.5, 0.5, 3, 9), TokenTally(4, 3, 1.0, 2.0)
    decisions, labels = DecisionTally(5, 1), LabelTally(6, 5, 4, 3)
    parts = [TaskTally(mask=mask), TaskTally(tokens=tokens), TaskTally(decisions=decisions), TaskTally(labels=labels)]
    both = TaskTally(decisions=decisions, mask=mask, tokens=tokens, labels=labels)
    assert reduce(merge, map(whole, parts)).task == both
    assert reduce(merge, map(whole, [*parts, both])).task == TaskTally(
        merge_decisions(decisions, decisions),
        merge_masks(mask, mask),
        None,
        merge_tokens(tokens, tokens),
        merge_labels(labels, labels),
    )


SIGNS = [(kind, name) for kind in RULES for name in SUMS[kind].split()]


@pytest.mark.parametrize(("kind", "name"), SIGNS, ids=lambda part: part if isinstance(part, str) else part.__name__)
@settings(deadline=None, max_examples=5)
@given(st.data())
def test_a_wrong_sign_in_one_merged_sum_is_noticed(kind: type, name: str, data: st.DataObject) -> None:
    def wrong(first: Any, second: Any) -> Any:
        difference = getattr(first, name) - getattr(second, name)
        return dataclasses.replace(MERGES[kind](first, second), **{name: difference})

    parts = data.draw(st.lists(tallies(kind), min_size=2, max_size=4))
    assert wrong_fields(kind, parts, [1], wrong) == [name]
