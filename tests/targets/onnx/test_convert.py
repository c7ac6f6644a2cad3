from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import ConversionError, OutputError
from mlparity.targets.onnx import convert as onnx
from mlparity.targets.onnx import session as onnxruntime
from tests.loading import load_source
from tests.targets.networks import SAMPLE, Net

pytestmark = pytest.mark.skipif(not onnxruntime.probe().ok, reason=onnxruntime.probe().why)


def test_a_conversion_tells_how_it_was_made_and_says_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = onnx.convert(load_source(Net().eval(), SAMPLE), SAMPLE, tmp_path / "net.onnx")
    assert (made.path, made.frontend, made.options) == (tmp_path / "net.onnx", "export", {"torch": torch.__version__})
    assert [file.name for file in tmp_path.iterdir()] == ["net.onnx"]
    assert capfd.readouterr() == ("", "")


class Branches(nn.Module):
    def forward(self, zeta: Tensor, alpha: Tensor, ids: Tensor) -> Tensor:
        return zeta if alpha.sum() > 0 else alpha


def test_a_failure_is_a_conversion_error(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="exporter stopped"):
        onnx.convert(load_source(Branches().eval(), SAMPLE), SAMPLE, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        onnx.convert(load_source(Net().eval(), SAMPLE), SAMPLE, tmp_path / "no" / "folder.onnx")
