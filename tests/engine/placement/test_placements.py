from __future__ import annotations

from dataclasses import replace

import numpy as np

from mlparity.engine.mil.program import Function, Op
from mlparity.engine.placement.placements import placements_of
from tests.engine.runtime.programs import op, program, tensor

SHAPE = (1, 64, 128, 128)
"""Of a value that eight ops in a row are worth a call of the engine for, and one is not."""

X = tensor("x", "fp16", *SHAPE)
LONG = 8


def _chain(*kinds: str) -> Function:
    """Return a function of unary ops, each on the result of the one before; the results are v0, v1, ..."""
    ops: list[Op] = []
    for place, kind in enumerate(kinds):
        ops.append(op(kind, tensor(f"v{place}", "fp16", *SHAPE), x=f"%v{place - 1}" if place else "%x"))
    return program((X,), tuple(ops), (f"v{len(kinds) - 1}",)).functions["main"]


def _sizes(function: Function) -> dict[str, int]:
    return {each.name: len(each.on_engine) for each in placements_of(function, "M4")}


def test_a_function_that_is_eligible_throughout_goes_there_whole_or_not_at_all() -> None:
    assert _sizes(_chain(*["relu"] * LONG)) == {"all eligible": LONG, "none": 0}


def test_segments_that_are_not_worth_a_call_may_stay_off_the_engine() -> None:
    found = placements_of(_chain("relu", "tan", *["relu"] * LONG), "M4")
    assert [each.name for each in found] == ["all eligible", "as the rules say", "none"]
    assert "v0" in found[0].on_engine
    assert "v0" not in found[1].on_engine
    assert all("v1" not in each.on_engine for each in found)


def test_nothing_eligible_gives_one_placement() -> None:
    assert [each.name for each in placements_of(_chain("tan", "acos"), "M4")] == ["none"]


def test_a_small_graph_goes_there_whole_or_not_at_all() -> None:
    assert _sizes(_chain("relu")) == {"all eligible": 1, "none": 0}


def test_an_op_without_floating_values_interrupts_no_segment() -> None:
    count = op("add", tensor("n", "int32"), x=np.int32(1), y=np.int32(2))
    chain = _chain(*["relu"] * LONG, "tan", "relu")
    halves = replace(chain.body, ops=(*chain.body.ops[:4], count, *chain.body.ops[4:]))
    assert _sizes(replace(chain, body=halves)) == {"all eligible": LONG + 1, "as the rules say": LONG, "none": 0}


def test_an_op_of_two_results_goes_by_its_first() -> None:
    split = op("split", tensor("a", "fp16", 1, 2), tensor("b", "fp16", 1, 2), x="%x", num_splits=np.int32(2), axis=0)
    x = tensor("x", "fp16", 2, 2)
    (whole, _) = placements_of(program((x,), (split,), ("a", "b")).functions["main"], "M4")
    assert whole.on_engine == {"a"}
