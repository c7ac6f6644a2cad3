from __future__ import annotations

from mlparity.engine.mil.program import Function, Op
from mlparity.engine.placement.placements import LONG_SEGMENT, placements_of
from tests.engine.runtime.programs import op, program, tensor

X = tensor("x", "fp16", 2, 2)


def _chain(*kinds: str) -> Function:
    """Return a function of unary ops, each on the result of the one before; the results are v0, v1, ..."""
    ops: list[Op] = []
    for place, kind in enumerate(kinds):
        ops.append(op(kind, tensor(f"v{place}", "fp16", 2, 2), x=f"%v{place - 1}" if place else "%x"))
    return program((X,), tuple(ops), (f"v{len(kinds) - 1}",)).functions["main"]


def test_a_function_that_is_eligible_throughout_goes_there_whole_or_not_at_all() -> None:
    found = placements_of(_chain(*["relu"] * LONG_SEGMENT), "M4")
    assert [(each.name, len(each.on_engine)) for each in found] == [("all eligible", LONG_SEGMENT), ("none", 0)]


def test_short_segments_may_stay_off_the_engine() -> None:
    found = placements_of(_chain("relu", "tan", *["relu"] * LONG_SEGMENT), "M4")
    assert [each.name for each in found] == ["all eligible", "long segments", "none"]
    assert "v0" in found[0].on_engine
    assert "v0" not in found[1].on_engine
    assert all("v1" not in each.on_engine for each in found)


def test_nothing_eligible_gives_one_placement() -> None:
    assert [each.name for each in placements_of(_chain("tan", "acos"), "M4")] == ["none"]
