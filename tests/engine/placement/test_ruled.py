"""Each rule at its limit and beside it, on networks of a few ops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mlparity.engine.mil.program import Function, Op, Value
from mlparity.engine.placement.ruled import UNABLE, Ruled, grounds_of, ruled
from mlparity.engine.placement.rules import RULES, Effect, limits_of, rules_of
from tests.engine.runtime.programs import constant, op, program, tensor


def _function(*ops: Op, length: int = 4096, channels: int = 512) -> Function:
    return program((tensor("x", "fp16", 1, channels, length),), ops, (ops[-1].outputs[0].name,)).functions["main"]


def _conv(output: str, x: str, *, kernel: int, dilation: int, length: int = 4096, channels: int = 512) -> Op:
    weight = np.broadcast_to(np.float16(0), (channels, channels, kernel))
    result = tensor(output, "fp16", 1, channels, length)
    return op("conv", result, x=x, weight=weight, dilations=np.array([dilation], np.int32))


def _dilated(*, kernel: int, dilation: int, length: int = 4096) -> tuple[Ruled, ...]:
    return ruled(_function(_conv("y", "%x", kernel=kernel, dilation=dilation, length=length), length=length), "M2")


@pytest.mark.parametrize(
    ("kernel", "dilation", "length", "rule"),
    [
        (7, 1, 4096, ""),
        # A span of up to 15 is a kernel with zeros between.
        (3, 7, 4096, ""),
        (4, 5, 4096, "dilation"),
        (8, 2, 4096, ""),
        (7, 4, 4096, ""),
        (7, 5, 4096, "dilation"),
        # 16384 = 5461 x 3 + 1 is padded to 16386.
        (7, 3, 16383, ""),
        (7, 3, 16384, "lowered width"),
        (5, 3, 16384, ""),
        (7, 3, 18432, "lowered width"),
        (7, 3, 18433, "lowered width, whole graph"),
    ],
)
def test_what_becomes_of_a_dilated_convolution(kernel: int, dilation: int, length: int, rule: str) -> None:
    (found,) = _dilated(kernel=kernel, dilation=dilation, length=length)
    assert (found.rule, found.on_engine) == (rule, not rule)
    assert bool(found.reason) is bool(found.evidence) is bool(rule)


def test_dilations_are_found_where_a_package_has_them() -> None:
    """A package gives each constant as an op of its own."""
    held = Op("const", {}, (tensor("d", "int32", 1),), "d", attributes={"val": constant(np.array([5], np.int32))})
    weight = np.broadcast_to(np.float16(0), (512, 512, 7))
    named = op("conv", tensor("y", "fp16", 1, 512, 4096), x="%x", weight=weight, dilations="%d")
    assert [each.rule for each in ruled(_function(held, named), "M2")] == ["dilation"]


def _relus(count: int, *, channels: int) -> list[Op]:
    names = ["x", *(f"v{place}" for place in range(count))]
    return [
        op("relu", tensor(after, "fp16", 1, channels, 4096), x=f"%{before}")
        for before, after in itertools.pairwise(names)
    ]


def test_a_small_graph_stays_on_the_cpu_and_a_large_one_does_not() -> None:
    small, large = (ruled(_function(*_relus(8, channels=channels), channels=channels), "M4") for channels in (8, 512))
    assert {each.rule for each in small} == {"graph size"}
    assert all(each.on_engine for each in large)


def test_the_limit_is_what_a_call_costs() -> None:
    grounds = grounds_of(_function(*_relus(8, channels=512)), "M4")
    saved = grounds.worth.saved_us([each.op for each in grounds.found])
    assert saved is not None
    assert all(each.on_engine for each in grounds.ruled(limits={"graph size": saved - 1}))
    assert not any(each.on_engine for each in grounds.ruled(limits={"graph size": saved}))


def test_an_op_that_the_engine_lacks_drags_its_neighbours_along() -> None:
    """Both halves are worth a call together, and neither is alone."""
    relus = _relus(12, channels=64)
    tangent = op("tan", relus[6].outputs[0], x="%v5")
    whole, cut = (ruled(_function(*ops, channels=64), "M4") for ops in (relus, [*relus[:6], tangent, *relus[7:]]))
    assert all(each.on_engine for each in whole)
    assert [each.rule for each in cut] == ["neighbours"] * 6 + [UNABLE] + ["neighbours"] * 5


def test_a_cast_follows_its_neighbours() -> None:
    cast = op("cast", tensor("h", "fp16", 1, 512, 4096), x="%x", dtype="fp16")
    conv = _conv("y", "%h", kernel=7, dilation=1)
    function = program((tensor("x", "fp32", 1, 512, 4096),), (cast, conv), ("y",)).functions["main"]
    assert [(each.on_engine, each.follows) for each in ruled(function, "M2")] == [(True, True), (True, False)]


def test_without_a_shape_nothing_is_too_small() -> None:
    unknown = program((tensor("x", "fp16", 1, None),), (op("relu", tensor("y", "fp16", 1, None), x="%x"),), ("y",))
    assert [each.on_engine for each in ruled(unknown.functions["main"], "M4")] == [True]


@pytest.mark.parametrize(
    ("gib", "macos", "moved"), [(1.0, 27, False), (1.1, 27, True), (1.1, 26, False), (2.0, 26, False), (2.1, 26, True)]
)
def test_a_large_package_leaves_the_engine_by_the_system(gib: float, macos: int, moved: bool) -> None:
    columns = int(gib * 2**30 / 2 / 4096)
    weight = np.broadcast_to(np.float16(0), (columns, 4096))
    layer = op("linear", tensor("y", "fp16", 64, columns), x="%x", weight=weight)
    function = program((tensor("x", "fp16", 64, 4096),), (layer,), ("y",)).functions["main"]
    assert [each.rule for each in ruled(function, "M2", macos)] == (["package size"] if moved else [""])


def test_packed_weights_count_as_they_are_stored() -> None:
    packed = Value(tensor("w", "uint4", 2**15, 2**15).type, np.broadcast_to(np.uint8(0), (2**15, 2**15)))
    unpack = Op("constexpr_lut_to_dense", {"indices": (packed,)}, (tensor("w", "fp16", 2**15, 2**15),), "w")
    layer = op("linear", tensor("y", "fp16", 64, 2**15), x="%x", weight="%w")
    function = program((tensor("x", "fp16", 64, 2**15),), (unpack, layer), ("y",)).functions["main"]
    assert [each.rule for each in ruled(function, "M2")] == [""]


def test_every_rule_names_its_source_and_where_it_was_seen() -> None:
    for rule in RULES:
        assert rule.evidence
        assert rule.seen_on
        assert rule.mechanism.endswith(".")
    for macos in (15, 26, 27):
        names = [rule.name for rule in RULES if rule.macos[0] <= macos <= rule.macos[1]]
        assert len(names) == len(set(names))
        assert set(limits_of(macos)) == set(names) == set(rules_of(macos))


def test_hazards_move_nothing() -> None:
    hazards = {rule.name for rule in RULES if rule.effect is Effect.HAZARD}
    beyond = dict.fromkeys(hazards, -1.0)
    assert all(each.on_engine for each in grounds_of(_function(*_relus(8, channels=512)), "M4").ruled(limits=beyond))
