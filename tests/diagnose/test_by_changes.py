"""Causes that a changed source shows: each is confirmed by a run, two together where one explains a part only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.graph_trace import GraphTrace
from mlparity.diagnose.by_changes import listed
from mlparity.record.causes import CauseKind, Observation
from tests.diagnose.sides import causes_by_changes, graph_of, sides_of
from tests.faults.branching import BySum, signs
from tests.faults.fault import line_of, normal
from tests.faults.more_networks import Busy, Listed
from tests.faults.networks import seeded
from tests.faults.writing import Shifted


def test_a_branch_that_went_the_other_way_is_named_with_its_line() -> None:
    positive, negative = signs()
    [cause] = causes_by_changes(sides_of(BySum().eval(), [negative, positive], {"output": negative["x"] * 2}))
    [evidence] = cause.evidence
    assert (cause.kind, evidence.observation) == (CauseKind.BRANCH, Observation.NUMBER_FIXED)
    assert evidence.names["where"].startswith("branching.py:")
    assert (evidence.figures["answer"], evidence.figures["other"]) == (0.0, 1.0)
    assert evidence.figures["removed"] == 1.0


def test_a_difference_that_no_change_makes_has_no_cause() -> None:
    [sample] = signs()[:1]
    assert causes_by_changes(sides_of(BySum().eval(), [sample], {"output": sample["x"] * 2 + 0.3})) == ()


def test_two_changes_are_named_where_each_alone_explains_a_part() -> None:
    module, (_, sample) = seeded(Busy)(), normal(2, 6, shift=0.6, count=2)
    layer = module.get_submodule("layer")
    with torch.no_grad():
        found = torch.tanh(layer(torch.from_numpy(sample["x"]))).numpy()
    causes = causes_by_changes(sides_of(module, [sample], {"output": found}))
    assert {cause.kind for cause in causes} == {CauseKind.WRITE, CauseKind.BRANCH}
    assert sum(evidence.figures["removed"] for cause in causes for evidence in cause.evidence) > 0.97


def test_two_writes_of_two_lines_are_two_causes() -> None:
    module, [sample] = seeded(Shifted)(), normal(3, 5)
    layer = module.get_submodule("layer")
    with torch.no_grad():
        found = torch.tanh(layer(torch.from_numpy(sample["x"]))).numpy()
    causes = causes_by_changes(sides_of(module, [sample], {"output": found}))
    lines = {evidence.names["where"].rpartition("(")[2] for cause in causes for evidence in cause.evidence}
    assert [cause.kind for cause in causes] == [CauseKind.WRITE, CauseKind.WRITE]
    assert lines == {f"{line_of(Shifted.forward, text)})" for text in ("y[:, :2]", "y[1:, 4]")}


def test_a_number_of_a_list_is_an_answer_too() -> None:
    module, samples = seeded(Listed)(), normal(2, 5, count=2)
    layer, (here, there) = module.get_submodule("layer"), (float(each["x"][0, 0]) for each in samples)
    with torch.no_grad():
        found = (layer(torch.from_numpy(samples[0]["x"])) * (1 + there * there)).numpy()
    [cause] = causes_by_changes(sides_of(module, samples, {"output": found}))
    assert cause.kind is CauseKind.BRANCH
    assert cause.evidence[0].figures["answer"] == pytest.approx(here)
    assert cause.evidence[0].figures["other"] == pytest.approx(there)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.first(x)))


def artifact_of(
    module: nn.Module, x: np.ndarray, moved: float, activation: Callable[[np.ndarray], np.ndarray] | None = None
) -> tuple[dict[str, np.ndarray], GraphTrace]:
    """The network as a graph, with the weight of its last layer moved, and perhaps another activation."""
    held = {name: value.detach().numpy().copy() for name, value in module.named_parameters()}
    held["last.weight"] += moved * np.arange(8, dtype=np.float32).reshape(2, 4)
    middle = x @ held["first.weight"].T + held["first.bias"]
    kept = np.maximum(middle, 0) if activation is None else activation(middle)
    output = kept @ held["last.weight"].T + held["last.bias"]
    steps = [
        ("linear", ("first.weight", "first.bias", "x"), "middle"),
        ("relu" if activation is None else "abs", ("middle",), "kept"),
        ("linear", ("last.weight", "last.bias", "kept"), "y"),
    ]
    values = {"x": x, "middle": middle, "kept": kept, "y": output, **held}
    return {"output": output}, graph_of(steps, values, list(held))


def test_other_weights_are_named_with_their_layer_and_the_op_that_reads_them() -> None:
    module, [sample] = seeded(Two)(), normal(3, 4)
    found, graph = artifact_of(module, sample["x"], 0.2)
    [cause] = causes_by_changes(sides_of(module, [sample], found, graph))
    assert cause.kind is CauseKind.WEIGHTS
    assert cause.evidence[0].names["layers"] == "last"
    assert [op.name for op in cause.ops] == ["op_y"]


def test_the_source_s_own_weights_are_no_cause() -> None:
    module, [sample] = seeded(Two)(), normal(3, 4)
    found, graph = artifact_of(module, sample["x"], 0.0)
    assert causes_by_changes(sides_of(module, [sample], {"output": found["output"] + 1}, graph)) == ()


def test_many_layers_are_listed_by_their_first() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(8)]) == "0, 1, 2, 3, 4, 5 and 2 more"
