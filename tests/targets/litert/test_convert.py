from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import ConversionError, OutputError
from mlparity.sessions import torch as torch_backend
from mlparity.sessions.checked import run_checked
from mlparity.targets.litert import convert as litert
from mlparity.targets.litert import session as runtime
from tests.loading import load_source
from tests.targets.networks import SAMPLE, Net

pytestmark = pytest.mark.skipif(not runtime.probe().ok, reason=runtime.probe().why)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """An inverted residual of MobileNetV2 without the shortcut."""
    wide = inputs * 6
    return nn.Sequential(
        nn.Conv2d(inputs, wide, 1, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU6(),
        nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
        nn.BatchNorm2d(wide),
        nn.ReLU6(),
        nn.Conv2d(wide, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Mobile(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), block(8, 8, 1), block(8, 16, 2))
        self.head = nn.Linear(16, 10)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image).mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.LSTM(8, 16, 2, batch_first=True)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        values, (hidden, cell) = self.layers(x, (state[0], state[1]))
        return values, torch.stack((hidden, cell))


def bert() -> nn.Module:
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=60)
    return BertModel(config)


IDS = {"input_ids": np.array([[2, 7, 50, 3]]), "attention_mask": np.array([[1, 1, 1, 0]])}


@pytest.mark.parametrize(
    ("module", "sample"),
    [
        (Mobile(), {"image": normal(1, 3, 32, 32)}),
        (Recurrent(), {"x": normal(1, 6, 8), "state": normal(2, 2, 1, 16)}),
        (bert(), IDS),
    ],
    ids=["MobileNetV2-like", "LSTM", "BertModel"],
)
def test_a_converted_network_agrees_with_its_source(
    module: nn.Module, sample: Mapping[str, np.ndarray], tmp_path: Path
) -> None:
    source = load_source(module.eval(), sample)
    made = litert.convert(source, sample, tmp_path / "net.tflite")
    with torch_backend.open(source) as reference, runtime.open(made.path) as session:
        expected, found = run_checked(reference, sample), run_checked(session, sample)
        assert [spec.name for spec in session.signature.inputs] == list(source.input_names)
    assert list(found) == list(source.output_names)
    for name, values in expected.items():
        assert np.abs(values - found[name]).max() <= 2e-6 * np.abs(values).max()


def test_torchscript_with_a_convolution_converts(tmp_path: Path) -> None:
    sample = {"image": normal(1, 3, 32, 32)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript as such
        torch.jit.trace(Mobile().eval(), (torch.tensor(sample["image"]),)).save(tmp_path / "net.pt")
    source = load_source(str(tmp_path / "net.pt"), sample)
    made = litert.convert(source, sample, tmp_path / "net.tflite")
    with torch_backend.open(source) as reference, runtime.open(made.path) as session:
        expected, found = run_checked(reference, sample), run_checked(session, sample)
    np.testing.assert_allclose(found["output"], expected["output"], atol=1e-6)


def test_a_conversion_tells_how_it_was_made_and_leaves_one_file_and_logging_as_it_was(tmp_path: Path) -> None:
    before = logging.root.handlers[:], logging.root.level, dict(os.environ)
    made = litert.convert(load_source(Net().eval(), SAMPLE), SAMPLE, tmp_path / "net.tflite")
    assert (made.frontend, made.options["strict_export"]) == ("export", "False")
    assert made.seconds > 0
    assert [file.name for file in tmp_path.iterdir()] == ["net.tflite"]
    assert (logging.root.handlers, logging.root.level, dict(os.environ)) == before


QUIET = """
import os, sys
from pathlib import Path
from mlparity.targets.litert import session as litert
from tests.targets.networks import converted
litert.open(converted(Path(sys.argv[1]))).close()
os.write(2, b"still open")
"""


def test_the_chatter_of_import_conversion_and_loading_stays_off_the_terminal(tmp_path: Path) -> None:
    # A process of its own: packages speak when they are imported first, and here they have been.
    command = [sys.executable, "-c", QUIET, str(tmp_path / "net.tflite")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert (done.stdout, done.stderr) == ("", "still open")


class Branches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x


class Rare(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


@pytest.mark.parametrize(
    ("module", "what", "step"),
    [
        (Branches(), "converter stopped", "replace the branch"),
        (Rare(), "at aten.special_bessel_j0.default", "rewrite the op"),
    ],
)
def test_a_failure_names_the_op_and_what_to_try(module: nn.Module, what: str, step: str, tmp_path: Path) -> None:
    sample = {"x": normal(2, 3)}
    with pytest.raises(ConversionError, match=what) as caught:
        litert.convert(load_source(module.eval(), sample), sample, tmp_path / "net.tflite")
    assert step in caught.value.next_step
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        litert.convert(load_source(Net().eval(), SAMPLE), SAMPLE, tmp_path / "no" / "folder.tflite")
