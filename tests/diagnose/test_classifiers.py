"""A classifier's plan without its labels gives its probabilities, whatever else reads them."""

from __future__ import annotations

import torch

from mlparity.diagnose.classifiers import with_probabilities
from mlparity.diagnose.substitution import outputs_of, values_of
from mlparity.engine.mil.program import NamedType, OtherType, TensorType
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from tests.engine.runtime.programs import op, program, tensor

LABEL, TABLE = NamedType("label", TensorType("int64", ())), NamedType("table", OtherType("dictionary"))
OPS = (
    op("softmax", tensor("p", "fp32", 1, 3), x="%x", axis=-1),
    op("classify", LABEL, TABLE, probabilities="%p", classes=[7, 8, 9]),
    op("mul", tensor("q", "fp32", 1, 3), x="%p", y=2.0),
)


def test_what_reads_the_probabilities_after_the_table_lets_go_of_nothing() -> None:
    whole = bind(program((tensor("x", "fp32", 1, 3),), OPS, ("label", "table", "q")), FP32)
    plan, inputs = with_probabilities(whole), {"x": torch.tensor([[1.0, 2.0, 3.0]])}
    wanted = torch.softmax(inputs["x"], -1)
    for found in (run_plan(plan, inputs), outputs_of(plan, values_of(plan, inputs))):
        assert list(found) == ["table", "q"]
        torch.testing.assert_close(found["table"], wanted)
        torch.testing.assert_close(found["q"], 2 * wanted)
