"""Which value of a graph is which of its source, where names and types tell: what it holds has to agree too."""

from __future__ import annotations

import numpy as np
import torch

from mlparity.core.trace import SourceTrace
from mlparity.diagnose.alignment import SourceValues, aligned_results
from mlparity.diagnose.substitution import values_of
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from tests.engine.runtime.programs import op, program, tensor

INTS = (op("cast", tensor("n", "int32", 1, 3), x="%x", dtype="int32"),)


def aligned(given: list[float], held: list[float]) -> dict[int, int]:
    """Return what is aligned where a graph is given these numbers, and the source's input `x` holds those."""
    plan = bind(program((tensor("x", "fp32", 1, 3),), INTS, ("n",)), FP32)
    source = SourceValues(SourceTrace((), (("x", 1, np.array([held], np.float32)),), ()))
    return aligned_results(plan, values_of(plan, {"x": torch.tensor([given])}), source, 1e-3)


def test_numbers_that_tell_nothing_are_known_by_name_and_passed_on_by_a_cast() -> None:
    assert list(aligned([2.0, 2.0, 2.0], [2.0, 2.0, 2.0]).values()) == [1, 1]
    assert list(aligned([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]).values()) == [1, 1]


def test_a_cast_that_drops_fractions_passes_nothing_on() -> None:
    assert list(aligned([-0.7, 2.6, 1.0], [-0.7, 2.6, 1.0]).values()) == [1]


def test_an_input_of_another_number_is_not_the_source_s() -> None:
    assert aligned([0.5, float("inf"), 1.0], [0.5, 70000.0, 1.0]) == {}
    assert aligned([0.5, 2.0, 1.0], [0.5, 2.003, 1.0]) == {}
