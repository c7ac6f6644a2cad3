from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import InputError, SourceError
from mlparity.sources.load import load_module
from mlparity.sources.saved import load_state
from tests.loading import load_source


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        return self.layer(x) * scale, x


SAMPLE = {"x": np.full((1, 4), 0.5, np.float32), "scale": np.full((1, 3), 2, np.float32)}


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return Net().eval()


def tensors() -> tuple[Tensor, Tensor]:
    return torch.tensor(SAMPLE["x"]), torch.tensor(SAMPLE["scale"])


@pytest.fixture(scope="module")
def exported(net: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "net.pt2"
    x, scale = tensors()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, while it saves
        torch.export.save(torch.export.export(net, (x,), {"scale": scale}), path)
    return path


@pytest.fixture(scope="module")
def scripted(net: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "net.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript as such
        torch.jit.trace(net, tensors()).save(path)
    return path


def test_an_exported_program_runs_as_its_source_did(net: nn.Module, exported: Path) -> None:
    source = load_source(str(exported), SAMPLE)
    assert (source.name, source.kind, source.input_names) == ("net", "pt2", ("x", "scale"))
    torch.testing.assert_close(source.module(*tensors()), net(*tensors()), rtol=0, atol=0)  # type: ignore[operator]


def test_an_exported_program_brings_its_own_sample(exported: Path) -> None:
    example = load_module(str(exported)).example
    assert example is not None
    assert {name: value.tolist() for name, value in example.items()} == {
        name: value.tolist() for name, value in SAMPLE.items()
    }
    assert load_source(str(exported)).output_names == ("output_0", "output_1")


def test_torchscript_runs_as_its_source_did(net: nn.Module, scripted: Path) -> None:
    source = load_source(str(scripted), SAMPLE)
    assert (source.name, source.kind, source.input_names) == ("net", "torchscript", ("x", "scale"))
    assert source.parameters == 15
    torch.testing.assert_close(source.module(*tensors()), net(*tensors()), rtol=0, atol=0)  # type: ignore[operator]


def test_torchscript_knows_its_input_names(scripted: Path) -> None:
    with pytest.raises(InputError, match="lacks scale"):
        load_source(str(scripted), {"x": SAMPLE["x"]})


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_weights_alone_ask_for_a_factory(net: nn.Module, tmp_path: Path, ending: str) -> None:
    path = save_state(net, tmp_path / f"weights{ending}")
    with pytest.raises(SourceError, match="weights but no architecture") as caught:
        load_source(str(path), SAMPLE)
    assert "2 tensors (layer." in caught.value.found
    assert "file.py:factory" in caught.value.next_step


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_weights_are_read_as_they_were_saved(net: nn.Module, tmp_path: Path, ending: str) -> None:
    state = load_state(save_state(net, tmp_path / f"weights{ending}"))
    assert {name: value.tolist() for name, value in state.items()} == {
        name: value.tolist() for name, value in net.state_dict().items()
    }


def save_state(net: nn.Module, path: Path) -> Path:
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(net.state_dict(), path)
    else:
        torch.save(net.state_dict(), path)
    return path


def test_a_pickled_module_is_not_loaded(net: nn.Module, tmp_path: Path) -> None:
    torch.save(net, tmp_path / "whole.pth")
    with pytest.raises(SourceError, match="holds no program") as caught:
        load_source(str(tmp_path / "whole.pth"), SAMPLE)
    assert "run code" in caught.value.next_step


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no file .*gone\.pt2"):
        load_source(str(tmp_path / "gone.pt2"), SAMPLE)


@pytest.mark.parametrize("kept", [10, 400])
def test_a_truncated_program_is_a_source_error(exported: Path, tmp_path: Path, kept: int) -> None:
    (tmp_path / "cut.pt2").write_bytes(exported.read_bytes()[:kept])
    with pytest.raises(SourceError, match=r"cut\.pt2"):
        load_source(str(tmp_path / "cut.pt2"), SAMPLE)


def test_a_program_with_damaged_members_is_a_source_error(scripted: Path, tmp_path: Path) -> None:
    content = bytearray(scripted.read_bytes())
    content[: len(content) // 2] = bytes(len(content) // 2)  # the archive's list of members, at its end, is whole
    (tmp_path / "damaged.pt").write_bytes(content)
    with pytest.raises(SourceError, match=r"damaged\.pt"):
        load_source(str(tmp_path / "damaged.pt"), SAMPLE)


@pytest.mark.parametrize("value", [{"epoch": 3}, [torch.ones(2)]])
def test_what_is_no_mapping_to_tensors_is_no_state_dict(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "odd.pth")
    with pytest.raises(SourceError, match="is no state dict"):
        load_state(tmp_path / "odd.pth")
