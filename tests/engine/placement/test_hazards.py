from __future__ import annotations

import numpy as np
import pytest

from mlparity.engine.mil.program import Function, Op, Value
from mlparity.engine.placement.hazards import hazards_of
from tests.engine.runtime.programs import op, program, tensor


def _function(*ops: Op) -> Function:
    return program((tensor("x", "fp16", 1),), ops, (ops[-1].outputs[0].name,)).functions["main"]


def _names(function: Function, macos: int = 27) -> list[str]:
    return [rule.name for rules in hazards_of(function, macos).values() for rule in rules]


def _softmax(*shape: int) -> Function:
    scores = op("matmul", tensor("s", "fp16", *shape), x="%x", y="%x")
    return _function(scores, op("softmax", tensor("y", "fp16", *shape), x="%s", axis=np.int32(-1)))


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((1, 12, 1024, 1024), ["score matrix"]),
        ((1, 12, 992, 1024), []),
        ((1, 12, 8, 512), ["sequence length"]),
        ((1, 12, 8, 510), ["sequence length", "token count"]),
        ((1, 12, 8, 509), ["token count"]),
        ((1, 12, 8, 513), ["token count"]),
        ((1, 12, 8, 544), []),
        ((1, 1000), []),
    ],
)
def test_what_reports_say_of_a_score_matrix(shape: tuple[int, ...], names: list[str]) -> None:
    assert _names(_softmax(*shape)) == names


def test_attention_as_one_op_has_the_same_hazards() -> None:
    query, key = (op("relu", tensor(name, "fp16", 1, 8, 1024, 64), x="%x") for name in ("q", "k"))
    attention = op(
        "scaled_dot_product_attention", tensor("y", "fp16", 1, 8, 1024, 64), query="%q", key="%k", value="%k"
    )
    assert _names(_function(query, key, attention)) == ["score matrix"]


def test_a_hazard_belongs_to_the_systems_that_it_was_seen_on() -> None:
    assert _names(_softmax(1, 12, 1024, 1024), 26) == []


@pytest.mark.parametrize(
    ("dtype", "scales", "names"),
    [("int8", (8, 4), ["int8 by block"]), ("int8", (8, 1), []), ("int8", (1, 1), []), ("int4", (8, 4), [])],
)
def test_int8_with_a_scale_for_each_block(dtype: str, scales: tuple[int, int], names: list[str]) -> None:
    data = Value(tensor("d", dtype, 8, 64).type, np.zeros((8, 64), np.int8))
    unpack = Op("constexpr_blockwise_shift_scale", {"data": (data,)}, (tensor("w", "fp16", 8, 64),), "w")
    scale = op("constexpr_blockwise_shift_scale", tensor("w", "fp16", 8, 64), scale=np.ones(scales, np.float16))
    unpack = Op(unpack.type, {**unpack.inputs, **scale.inputs}, unpack.outputs, "w")
    linear = op("linear", tensor("y", "fp16", 1, 8), x="%x", weight="%w")
    assert _names(_function(unpack, linear)) == names
