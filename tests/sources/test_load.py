from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import InputError, SourceError
from mlparity.sources.load import load_module
from tests.loading import load_source

SAMPLE = {"x": np.ones((2, 4), np.float32)}
FACTORIES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x)

def make():
    torch.manual_seed(0)
    return Net().eval()

def in_training():
    return Net()

def deep():
    raise_here()

def raise_here():
    raise KeyError("the weights are gone")

def leaves():
    raise SystemExit(1)

def number():
    return 3

made = make()
text = "no module"
"""


@pytest.fixture
def factories(tmp_path: Path) -> Path:
    path = tmp_path / "factories.py"
    path.write_text(FACTORIES)
    return path


@pytest.mark.parametrize("name", ["make", "made"])
def test_a_factory_or_a_module_in_a_file_is_a_source(factories: Path, name: str) -> None:
    source = load_source(f"{factories}:{name}", SAMPLE)
    assert (source.name, source.kind, source.location) == (name, "factory", f"{factories}:{name}")
    assert (source.input_names, source.output_names, source.parameters) == (("x",), ("output",), 15)


def test_a_factory_in_the_current_directory_is_found(factories: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(factories.parent)
    assert load_source("factories:make", SAMPLE).kind == "factory"


def test_the_digest_follows_the_weights(factories: Path) -> None:
    first, again = (load_source(f"{factories}:make", SAMPLE) for _ in range(2))
    assert first.sha256 == again.sha256
    with torch.no_grad():
        next(again.module.parameters()).add_(1)  # type: ignore[attr-defined]
    assert load_source(again.module.inner, SAMPLE).sha256 != first.sha256  # type: ignore[attr-defined]
    assert load_source(nn.ReLU().eval(), {"input": SAMPLE["x"]}).sha256 == ""


def test_training_mode_is_an_error_that_names_the_parts(factories: Path) -> None:
    with pytest.raises(SourceError, match="training mode") as caught:
        load_module(f"{factories}:in_training")
    assert "the whole module, layer" in caught.value.found


def test_one_part_in_training_mode_is_enough(factories: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout()).eval()
    net[1].train()
    with pytest.raises(SourceError, match="training mode") as caught:
        load_module(net)
    assert "(1)" in caught.value.found


def test_eval_mode_is_set_when_asked_on_a_copy_and_noted() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout())
    loaded = load_module(net, eval_mode=True)
    assert not loaded.module.training
    assert net.training
    assert "eval mode" in loaded.notes[0]


@pytest.mark.parametrize(
    ("name", "found", "place"),
    [("deep", "KeyError: 'the weights are gone'", "(raise_here)"), ("leaves", "SystemExit: 1", "(leaves)")],
)
def test_a_factory_that_raises_tells_its_error_and_its_line(factories: Path, name: str, found: str, place: str) -> None:
    with pytest.raises(SourceError, match="the factory raised") as caught:
        load_source(f"{factories}:{name}", SAMPLE)
    assert caught.value.found == found
    assert f"{factories}:" in caught.value.where
    assert place in caught.value.where


@pytest.mark.parametrize(("name", "found"), [("number", "builtins.int"), ("text", "builtins.str")])
def test_a_factory_that_returns_no_module_tells_what_it_returned(factories: Path, name: str, found: str) -> None:
    with pytest.raises(SourceError, match="returns no module") as caught:
        load_source(f"{factories}:{name}", SAMPLE)
    assert caught.value.found == found


@pytest.mark.parametrize("spec", ["nothing", "factories.py"])
def test_a_name_of_no_known_form_lists_the_forms(spec: str) -> None:
    with pytest.raises(SourceError, match="names no source") as caught:
        load_source(spec, SAMPLE)
    assert "file.py:factory" in caught.value.expected


def test_a_source_that_fails_on_the_sample_tells_the_sample(factories: Path) -> None:
    with pytest.raises(SourceError, match="fails on the first sample") as caught:
        load_source(f"{factories}:make", {"x": np.ones((2, 5), np.float32)})
    assert "x float32 (2, 5)" in caught.value.next_step
    assert "RuntimeError" in caught.value.found


def test_without_a_sample_the_inputs_are_asked_for(factories: Path) -> None:
    with pytest.raises(InputError, match="inputs are not known") as caught:
        load_source(f"{factories}:make")
    assert caught.value.expected == "a sample with x"


def test_a_source_without_tensors_in_its_outputs_is_refused() -> None:
    class Silent(nn.Module):
        def forward(self, x: Tensor) -> None:
            return None

    with pytest.raises(SourceError, match="returns no tensors"):
        load_source(Silent().eval(), SAMPLE)


def test_a_module_that_writes_into_its_input_leaves_the_sample_alone() -> None:
    class Greedy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mul_(0)

    sample = {"x": np.ones((1, 2), np.float32)}
    load_source(Greedy().eval(), sample)
    assert sample["x"].tolist() == [[1.0, 1.0]]
