from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import SourceError
from mlparity.sources.flatten import Path, flat_module, leaves, output_names
from mlparity.sources.forward import InputOrder
from tests.loading import load_source

ONE = torch.ones(1)


@dataclass
class Boxes:
    scores: Tensor
    corners: Tensor | None


Pair = namedtuple("Pair", ["left", "right"])


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (ONE, [()]),
        ((ONE, ONE), [(0,), (1,)]),
        ([ONE], [(0,)]),
        ({"logits": ONE, "skipped": None}, [("logits",)]),
        (OrderedDict(b=ONE, a=ONE), [("b",), ("a",)]),
        (Boxes(ONE, None), [("scores",)]),
        (Pair(ONE, (ONE, ONE)), [("left",), ("right", 0), ("right", 1)]),
        ({"past": ((ONE, ONE), (None, ONE))}, [("past", 0, 0), ("past", 0, 1), ("past", 1, 1)]),
        (None, []),
        ((), []),
    ],
)
def test_nested_outputs_are_walked_in_their_own_order(value: object, paths: list[Path]) -> None:
    assert [path for path, _ in leaves(value)] == paths


@pytest.mark.parametrize("value", [3, "text", object(), {1, 2}])
def test_a_part_that_is_no_tensor_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(SourceError, match="no tensor") as caught:
        list(leaves({"kept": (ONE, value)}))
    assert caught.value.where == "output kept.1"
    assert type(value).__name__ in caught.value.found


@pytest.mark.parametrize(
    ("paths", "taken", "names"),
    [
        ([()], (), ("output",)),
        ([(0,), (1, 0)], (), ("output_0", "output_1_0")),
        ([("last hidden-state",)], (), ("last_hidden_state",)),
        ([("3d",), ("_private",), ("größe",)], (), ("output_3d", "output_private", "gr__e")),
        ([("x",), ("state",)], ("x",), ("x_out", "state_out")),
        ([("a.b",), ("a_b",), ("a-b",)], (), ("a_b", "a_b_out", "a_b_out_2")),
    ],
)
def test_output_names_are_plain_unique_and_not_the_inputs(
    paths: list[Path], taken: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert output_names(paths, taken) == names


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, first: Tensor, *, second: Tensor, unused: Tensor | None = None) -> Mapping[str, object]:
        hidden = self.layer(first) + second
        return {"hidden": hidden, "nothing": unused, "parts": (hidden * 2, [hidden.sum()])}


SAMPLE = {"second": np.ones((1, 3), np.float32), "first": np.ones((1, 4), np.float32)}


def test_a_source_takes_inputs_in_forwards_order_and_gives_a_tuple() -> None:
    source = load_source(Nested().eval(), SAMPLE)
    assert source.input_names == ("first", "second")
    assert source.output_names == ("hidden", "parts_0", "parts_1_0")
    outputs = source.module(torch.ones(1, 4), torch.ones(1, 3))  # type: ignore[operator]
    assert isinstance(outputs, tuple)
    torch.testing.assert_close(outputs[1], outputs[0] * 2)


def test_a_flat_module_exports_with_the_input_names_and_the_same_outputs() -> None:
    source = load_source(Nested().eval(), SAMPLE)
    example = tuple(torch.tensor(SAMPLE[name]) for name in source.input_names)
    program = torch.export.export(source.module, example)  # type: ignore[arg-type]
    inputs = [node.name for node in program.graph.nodes if node.op == "placeholder"]
    assert inputs[-2:] == ["first", "second"]
    torch.testing.assert_close(program.module()(*example), source.module(*example))  # type: ignore[operator]


def test_a_flat_module_traces_without_a_warning_of_its_own() -> None:
    source = load_source(Nested().eval(), SAMPLE)
    example = tuple(torch.tensor(SAMPLE[name]) for name in source.input_names)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # TorchScript as such
        traced = torch.jit.trace(source.module, example)
    assert [value.debugName().split(".")[0] for value in traced.graph.inputs()][1:] == ["first", "second"]
    torch.testing.assert_close(traced(*example), source.module(*example))  # type: ignore[operator]


def test_tensors_may_be_given_by_name() -> None:
    flat = flat_module(Nested().eval(), InputOrder(("first", "second"), 1), {})
    by_name = flat(second=torch.ones(1, 3), first=torch.ones(1, 4))
    torch.testing.assert_close(by_name, flat(torch.ones(1, 4), torch.ones(1, 3)))
