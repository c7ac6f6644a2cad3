"""Two causes at once: a second one is told where the first leaves more than rounding, or hides it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.core.change import Change
from mlparity.core.trace import FirstOps, Origin
from mlparity.diagnose.beside import APART, Mend, are_clear, beside, input_and_change, is_seen, with_rest
from mlparity.diagnose.by_changes import Tried, Tries
from mlparity.diagnose.changes import Candidate
from mlparity.diagnose.preprocessing import ChangedInputs
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation
from tests.diagnose.sides import sides_of, tensors
from tests.faults.fault import normal
from tests.faults.networks import seeded
from tests.faults.writing import Zeroed

WRITE = Cause(CauseKind.WRITE, (Evidence(Observation.WRITE_LOST, {"removed": 0.6}),))


def converter(ops: int, removed: float = 1.0) -> Cause:
    places = tuple(LocatedOp("relu", f"op_{place}", "y", "", None, removed, "") for place in range(ops))
    return Cause(CauseKind.CONVERTER, (Evidence(Observation.GRAPH_DIVERGES, {"removed": removed}),), places)


def test_what_is_left_is_explained_where_it_is_more_than_rounding() -> None:
    one = converter(1)
    assert with_rest((WRITE,), lambda: (one,), 2 * APART, 0.0) == (WRITE, one)
    assert with_rest((WRITE,), lambda: (one,), APART, 0.0) == (WRITE,)
    assert with_rest((WRITE,), lambda: (one,), 2 * APART, APART) == (WRITE,)


@pytest.mark.parametrize(
    "rest",
    [
        (),
        (Cause(CauseKind.PRECISION, ()),),
        (Cause(CauseKind.CONVERTER, (Evidence(Observation.GRAPH_DIFFERS_UNCONFIRMED),)),),
        (converter(1, removed=0.6),),
        (WRITE, Cause(CauseKind.UNKNOWN, ())),
    ],
    ids=["nothing", "rounding", "unconfirmed", "in part", "one of two"],
)
def test_a_rest_that_is_not_clear_is_not_told(rest: tuple[Cause, ...]) -> None:
    assert not are_clear(rest)
    assert with_rest((WRITE,), lambda: rest, 1.0, 0.0) == (WRITE,)


def test_a_fault_is_told_beside_ops_where_fewer_differ_without_it() -> None:
    plain, one = converter(3), converter(1)
    first, second = beside(plain, 0.5, [Mend(WRITE, 0.2, lambda: (one,))])
    assert (first.kind, second) == (CauseKind.WRITE, one)
    assert first.evidence[-1].observation is Observation.REST_BESIDE
    assert first.evidence[-1].figures == {"rest": 0.2, "difference": 0.5}


@pytest.mark.parametrize(("left", "ops"), [(0.2, 3), (0.6, 1), (APART / 2, 1)], ids=["as many", "worse", "nothing"])
def test_a_fault_that_is_none_is_not_told(left: float, ops: int) -> None:
    plain = converter(3)
    assert beside(plain, 0.5, [Mend(WRITE, left, lambda: (converter(ops),))]) == (plain,)


def test_one_op_is_as_few_as_can_be() -> None:
    plain = converter(1)

    def never() -> tuple[Cause, ...]:
        raise AssertionError

    assert beside(plain, 0.5, [Mend(WRITE, 0.2, never)]) == (plain,)


def tries_of(scale: float) -> tuple[Tries, ChangedInputs]:
    """A network without its write, on an input of another scale, and the change that takes that back."""
    module, [sample] = seeded(Zeroed)(), normal(4, 6)
    module.writes = False  # type: ignore[assignment]
    with torch.no_grad():
        wrong, right = (module(torch.from_numpy(sample["x"]) * each).numpy() for each in (scale, 1.0))
    module.writes = True  # type: ignore[assignment]
    changed = ChangedInputs("input x: halved", tensors(sample), tensors({"output": right}))
    return Tries(sides_of(module, [sample], {"output": wrong})), changed


def test_a_changed_input_and_a_lost_write_are_found_together() -> None:
    tries, changed = tries_of(2.0)
    other = ChangedInputs("input x: other", changed.inputs, tensors({"output": np.zeros((4, 3), np.float32)}))
    causes = input_and_change(tries, [other, changed])
    assert {cause.kind for cause in causes} == {CauseKind.PREPROCESSING, CauseKind.WRITE}
    parts = [cause.evidence[0].figures["removed"] for cause in causes]
    assert parts[0] >= 0.02
    assert sum(parts) == pytest.approx(1.0, abs=1e-4)
    assert input_and_change(tries, [other]) == ()


def test_a_lost_write_alone_needs_no_changed_input() -> None:
    tries, changed = tries_of(1.0)
    assert input_and_change(tries, [changed]) == ()


def test_a_write_that_values_show_may_leave_as_many_ops() -> None:
    plain, one = converter(1), converter(1)
    first, second = beside(plain, 0.5, [Mend(WRITE, 0.2, lambda: (one,), is_seen=True)])
    assert (first.kind, second) == (CauseKind.WRITE, one)
    assert beside(plain, 0.5, [Mend(WRITE, 0.2, lambda: (converter(2),), is_seen=True)]) == (plain,)


@pytest.mark.parametrize(
    ("span", "line", "is_one"),
    [((2, 5), "m.py:3", True), ((4, 5), "m.py:3", False), ((1, 3), "m.py:3", False), ((2, 5), "m.py:8", False)],
    ids=["between", "before", "after", "its own line"],
)
def test_a_write_is_seen_between_what_agrees_and_what_does_not(span: tuple[int, int], line: str, is_one: bool) -> None:
    candidate = Candidate(CauseKind.WRITE, Change(lost=frozenset({4})), Origin("aten.fill_", "", line))
    place = LocatedOp("relu", "op_1", "y", "aten.silu (m.py:8)", None, 1.0, "")
    plain = Cause(CauseKind.CONVERTER, (Evidence(Observation.GRAPH_DIVERGES),), (place,))
    assert is_seen(Tried(candidate, 0.5), plain, FirstOps(frozenset(), (span,))) == is_one
