"""The shapes that rules say are those that ops give, on every case of every op that has a rule."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import mlparity.engine.ops  # noqa: F401  # registers every op
from mlparity.engine.numerics import FP32
from mlparity.engine.ops.registry import find
from mlparity.engine.ops.schema import schema_of
from mlparity.engine.ops.shape_rules import SHAPE_RULES
from tests.cases.case import Case
from tests.cases.families import cases

CASES = [(name, case) for name, case in cases() if case.op in SHAPE_RULES and case.raises is None]


def tensor(value: object) -> object:
    if isinstance(value, list) and value and all(isinstance(each, np.ndarray) for each in value):
        return [tensor(each) for each in value]
    if not isinstance(value, np.ndarray):
        return value
    made = torch.from_numpy(value.copy())
    return made.float() if made.is_floating_point() else made


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_a_rule_says_what_the_op_gives(case: Case) -> None:
    fn = find(case.op, case.opset).fn
    arguments = {name: tensor(value) for name, value in case.inputs.items()}
    takes_num = {"num": FP32.numerics("fp32")} if schema_of(fn).takes_num else {}
    given = fn(**arguments, **takes_num)
    said = SHAPE_RULES[case.op](**arguments, **takes_num)
    both = [each if isinstance(each, tuple) else (each,) for each in (said, given)]
    assert [each.shape for each in both[0]] == [each.shape for each in both[1]]


def test_every_rule_is_of_an_op_with_cases() -> None:
    assert {case.op for _, case in CASES} == set(SHAPE_RULES)


@pytest.mark.parametrize(
    ("op", "arguments"),
    [
        ("add", {"x": torch.empty(2, 3), "y": torch.empty(2, 4)}),
        ("reduce_sum", {"x": torch.empty(2, 3), "axes": (2,)}),
        ("linear", {"x": torch.empty(2, 3), "weight": torch.empty(4, 2)}),
        ("concat", {"values": [torch.empty(2, 3), torch.empty(3, 4)], "axis": 0}),
        ("concat", {"values": [torch.empty(2, 3)], "axis": 2}),
        ("stack", {"values": [torch.empty(2), torch.empty(3)], "axis": 0}),
        ("lstm", {"x": torch.empty(2, 3), "weight_hh": torch.empty(4, 1)}),
    ],
)
def test_what_does_not_fit_is_refused(op: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"shape|axis|axes"):
        SHAPE_RULES[op](**arguments)


def test_binding_common_ops_does_not_import_torchs_compiler() -> None:
    code = """
import sys
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from tests.engine.runtime.programs import op, program, tensor
x = tensor("x", "fp32", 2, 3)
ops = (
    op("add", tensor("sum", "fp32", 2, 3), x="%x", y="%x"),
    op("relu", tensor("kept", "fp32", 2, 3), x="%sum"),
    op("reduce_mean", tensor("y", "fp32", 2, 1), x="%kept", axes=[1], keep_dims=True),
)
bind(program((x,), ops, ("y",)), FP32)
sys.exit("torch._dynamo" in sys.modules)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


CONVOLVING = """
import sys
import numpy as np
from mlparity.core.errors import FormatError
from mlparity.engine.numerics.unit_profiles import UNIT_PROFILES
from mlparity.engine.runtime.bind import bind
from tests.engine.runtime.programs import op, program, tensor
x, weight = tensor("x", "fp16", 1, 2, 5, 5), np.ones((3, 2, 3, 3), np.float16)
how = {"pad_type": "custom", "pad": [1, 1, 1, 1], "strides": [1, 1], "dilations": [1, 1], "groups": 1}
for unit in UNIT_PROFILES:
    for side, fits in ((5, True), (6, False)):
        made = op("conv", tensor("y", "fp16", 1, 3, side, side), x="%x", weight=weight, **how)
        try:
            bind(program((x,), (made,), ("y",)), unit.profile)
        except FormatError:
            assert not fits
        else:
            assert fits, unit.name
sys.exit("torch._dynamo" in sys.modules)
"""


def test_a_wrong_shape_is_refused_in_every_arithmetic_without_torchs_compiler() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", CONVOLVING], check=True, timeout=120)
