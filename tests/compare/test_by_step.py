"""The largest difference at each step, against a plain loop; and which step a reason names."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.compare.by_step import SHOWN, ByStep
from mlparity.compare.comparer import Comparer
from mlparity.compare.verdict import judge
from mlparity.core.words import Verdict
from mlparity.record.figures import StepFigure
from mlparity.record.policy import Limit, Policy

DIFFERENCES = st.floats(0, 1e3) | st.just(math.inf)


@given(st.lists(st.lists(DIFFERENCES, min_size=1, max_size=6), min_size=1, max_size=5))
def test_each_step_has_the_largest_of_all_samples(samples: list[list[float]]) -> None:
    found = ByStep()
    for sample, steps in enumerate(samples):
        for step, difference in enumerate(steps):
            found.add(f"{sample}/{step}", difference)
    longest = max(map(len, samples))
    expected = [max(steps[step] for steps in samples if len(steps) > step) for step in range(longest)]
    assert [figure.max_abs for figure in found.result()] == expected


def test_many_steps_keep_the_ends_and_the_largest() -> None:
    found = ByStep()
    sizes = np.random.default_rng(0).random(3000)
    for step, size in enumerate(sizes):
        found.add(f"a/{step}", float(size))
    shown = found.result()
    assert len(shown) <= SHOWN
    assert (shown[0].step, shown[-1].step) == (0, 2999)
    assert StepFigure(int(sizes.argmax()), float(sizes.max())) in shown
    assert [figure.step for figure in shown] == sorted({figure.step for figure in shown})


def test_samples_without_steps_have_none() -> None:
    found = ByStep()
    for name in ("0", "cat/1.png", "a/b"):
        found.add(name, 1.0)
    assert found.result() == ()


def compared(differences: list[float]) -> Comparer:
    comparer = Comparer()
    for step, difference in enumerate(differences):
        comparer.add(f"s/{step}", {"y": np.ones(4)}, {"y": np.ones(4) + difference})
    return comparer


@pytest.mark.parametrize(("differences", "step"), [([0.0, 0.1, 0.3, 0.2], 2), ([math.nan, 0.0], 0), ([0.3], 0)])
def test_a_reason_names_the_first_step_that_breaks_the_limit(differences: list[float], step: int) -> None:
    policy = Policy("p", (Limit("max_abs", at_most=0.25),))
    found = judge(policy, compared(differences).result())
    assert found.verdict is Verdict.FAIL
    assert any(f"first at step {step}" in reason for reason in found.reasons) or math.isnan(differences[0])


def test_steps_survive_a_checkpoint() -> None:
    whole, half = compared([0.1, 0.2, 0.3]), compared([0.1, 0.2])
    again = Comparer()
    again.restore(half.state(), lambda _: None)
    again.add("s/2", {"y": np.ones(4)}, {"y": np.ones(4) + 0.3})
    assert again.result() == whole.result()
