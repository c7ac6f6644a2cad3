"""Every layer type against an oracle in fp64, and that each has a case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from mlparity.engine.neural_network.table import LOWERINGS
from mlparity.engine.numerics import FP32
from tests.engine.neural_network.cases import choosing, edges_of_shapes, elementwise, images, moving
from tests.engine.neural_network.cases.case import Case
from tests.engine.neural_network.networks import LayerSpec, network, run

FAMILIES = (choosing, edges_of_shapes, elementwise, images, moving)


def cases() -> Iterator[tuple[str, Case]]:
    for family in FAMILIES:
        for place, case in enumerate(family.CASES):
            yield f"{case.kind}-{place}-{case.note}".replace(" ", "_"), case


CASES = dict(cases())


def network_of(case: Case) -> Any:
    """Return the network of one layer that a case is about."""
    inputs = {f"x{place}": each.shape for place, each in enumerate(case.inputs)}
    outputs = [f"y{place}" for place in range(case.outputs)]
    return network([LayerSpec(case.kind, case.params, list(inputs), outputs)], inputs, outputs, rank5=case.rank5)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_layer_computes_what_its_oracle_does(case: Case) -> None:
    got = run(network_of(case), FP32, **{f"x{place}": each for place, each in enumerate(case.inputs)})
    wanted = case.oracle(*(each.astype(np.float64) for each in case.inputs))
    for name, want in zip(got, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
        assert got[name].shape == np.shape(want), case.note
        np.testing.assert_allclose(got[name], want, case.rtol, case.atol)


DRAWN = frozenset(name for name in LOWERINGS if name.startswith("random")) | {"categoricalDistribution"}
"""Layers whose results no oracle predicts: `test_random.py`."""


def test_each_layer_that_is_lowered_has_a_case() -> None:
    assert {case.kind for case in CASES.values()} == LOWERINGS.keys() - DRAWN
