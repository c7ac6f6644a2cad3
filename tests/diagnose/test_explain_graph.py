"""The causes of an artifact that another runtime ran, and how sure each is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlparity.diagnose.by_changes import Sides
from mlparity.diagnose.explain_graph import GraphCase, explain_graph
from mlparity.diagnose.other_weights import Weights
from mlparity.record.causes import CauseKind, Observation
from mlparity.sessions.torch_changes import with_weights
from tests.diagnose.sides import sides_of, tensors
from tests.diagnose.test_by_changes import Two, artifact_of
from tests.diagnose.test_graph_divergence import X, sides
from tests.faults.fault import normal
from tests.faults.networks import seeded
from tests.loading import load_source

WRONG = np.exp(0.8 * np.sin(X))
RIGHT = np.exp(np.sin(X)) - np.exp(np.sin(X)).mean(-1, keepdims=True)


def nothing() -> None:
    return None


def case(both: Sides) -> GraphCase:
    return GraphCase("LiteRT", both, 0.0, nothing, (), nothing, nothing)


def test_agreement_is_no_cause() -> None:
    [cause] = explain_graph(case(sides(np.exp(np.sin(X)))))
    assert (cause.kind, cause.evidence[0].observation) == (CauseKind.NONE, Observation.AGREES)


def test_a_graph_that_diverges_is_the_converter_s_and_names_its_op() -> None:
    [cause] = explain_graph(case(sides(WRONG)))
    [evidence] = cause.evidence
    assert (cause.kind, evidence.observation) == (CauseKind.CONVERTER, Observation.ELSEWHERE_DIVERGES)
    assert evidence.names["where"].startswith("exp 'op_b', the source's aten.exp (test_graph_divergence.py:")
    assert cause.ops[0].removed == pytest.approx(1.0, abs=1e-3)


def test_a_place_that_no_run_confirms_is_said_to_be_a_guess() -> None:
    [cause] = explain_graph(case(replace(sides(WRONG), rerun=lambda _: None)))
    assert (cause.kind, cause.evidence[0].observation) == (CauseKind.CONVERTER, Observation.ELSEWHERE_UNCONFIRMED)


def test_without_values_no_op_is_named() -> None:
    [cause] = explain_graph(case(replace(sides(WRONG), graph=None)))
    assert (cause.kind, cause.evidence[0].observation) == (CauseKind.CONVERTER, Observation.ELSEWHERE_DIFFERS)
    assert cause.ops == ()


def test_what_the_reference_kernels_do_right_is_the_runtime_s() -> None:
    [cause] = explain_graph(replace(case(sides(WRONG)), by_reference=lambda: tensors({"output": RIGHT})))
    assert (cause.kind, cause.evidence[0].observation) == (CauseKind.RUNTIME, Observation.RUNTIME_DIVERGES)


def test_what_the_source_gives_in_training_mode_is_that() -> None:
    both = sides(WRONG)
    [cause] = explain_graph(replace(case(both), in_training_mode=lambda: both.found))
    assert cause.kind is CauseKind.TRAINING_MODE


def test_the_fast_path_stands_beside_what_else_there_is() -> None:
    """The source took the fast path and gives zeros in a row; the artifact has not these, and another exponential."""
    both = sides(WRONG)
    fast = both.expected["output"].clone()
    fast[1] = 0.0
    causes = explain_graph(
        replace(
            case(replace(both, expected={"output": fast})), by_parts=lambda: both.expected, fast_layers=("encoder",)
        )
    )
    assert [cause.kind for cause in causes] == [CauseKind.CONVERTER, CauseKind.SOURCE]


def test_other_weights_stand_beside_another_cause() -> None:
    """The artifact's last weight has moved, and another function stands between its layers."""
    module, [sample] = seeded(Two)(), normal(3, 4)
    found, graph = artifact_of(module, sample["x"], 0.2, np.abs)
    source = load_source(module, sample)

    def others(weights: Weights) -> GraphCase | None:
        other = with_weights(source, weights)
        return None if other is None else case(sides_of(other, [sample], found, graph))

    first, second = explain_graph(replace(case(sides_of(module, [sample], found, graph)), with_weights=others))
    assert (first.kind, first.evidence[0].observation) == (CauseKind.WEIGHTS, Observation.WEIGHTS_BESIDE)
    assert first.evidence[0].names["layers"] == "last"
    assert second.kind is CauseKind.CONVERTER
    assert second.evidence[0].names["where"].startswith("abs 'op_kept', the source's aten.relu")
