"""Samples of several lengths: flexible dimensions at conversion, and figures over all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from mlparity import VerifyOptions, api
from mlparity.core.errors import InputError
from mlparity.core.lengths import FlexibleDim
from mlparity.core.words import Verdict
from mlparity.record.rows import RowState
from mlparity.samples.load import load_samples
from mlparity.samples.memory import memory_samples
from mlparity.targets.artifacts import inspected
from mlparity.targets.table import settings_from
from mlparity.verification.lengths import examples, with_lengths
from tests.loading import load_source

LENGTHS = (1, 3, 200)


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.wide, self.out = nn.Conv1d(4, 8, 3, padding=1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        tagged: Tensor = self.out(torch.relu(self.wide(x)).transpose(1, 2))
        return tagged


def samples() -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    return [{"x": random.standard_normal((1, 4, length)).astype(np.float32)} for length in LENGTHS]


def test_lengths_of_one_to_two_hundred_are_verified(tmp_path: Path) -> None:
    asked = settings_from(["fp32/CPU_ONLY", "litert/*", "onnx/*", "coreai/fp32"])
    record = api.verify(Tagger().eval(), tmp_path / "out", samples(), options=VerifyOptions(settings=asked))
    rows = {str(row.setting): row for row in record.settings}
    assert {rows[name].verdict for name in ("fp32/CPU_ONLY", "litert/fp32", "onnx/fp32")} == {Verdict.PASS}
    assert rows["coreai/fp32"].state is RowState.FAILED
    assert "made for one length" in rows["coreai/fp32"].note
    output = rows["fp32/CPU_ONLY"].outputs[0]
    assert output.elements == sum(LENGTHS) * 5
    package = tmp_path / "out" / rows["fp32/CPU_ONLY"].artifact
    assert inspected(package).sizes == {"x": "1 x 4 x 1..200; default 1 x 4 x 3"}


def test_the_first_example_has_no_length_of_one() -> None:
    source = with_lengths(load_source(Tagger().eval(), samples()[1]), memory_samples(samples()))
    flexible = source.lengths
    assert flexible == {"x": {2: FlexibleDim(1, 200, "x_2")}}
    assert [sample["x"].shape[2] for sample in examples(samples(), flexible, 3)] == [3, 200, 1]


def test_a_late_picture_of_another_size_counts_as_a_length(tmp_path: Path) -> None:
    for number in range(12):
        Image.new("RGB", (24, 20 + (number == 11))).save(tmp_path / f"{number:02}.png")
    pictures = load_samples(tmp_path, input_names=["input"], preprocess="zero-to-one")
    source = with_lengths(load_source(nn.ReLU().eval(), {"input": np.zeros((1, 3, 20, 24), np.float32)}), pictures)
    assert source.lengths == {"input": {2: FlexibleDim(20, 21, "input_2")}}


class Joined(nn.Module):
    """Two inputs whose lengths vary together."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.softmax(a * 2 + b, -1)


def test_the_lengths_of_the_samples_alone_are_taken_where_that_is_asked_for(tmp_path: Path) -> None:
    asked = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY", "fp16/ALL"]), enumerates=True)
    record = api.verify(Tagger().eval(), tmp_path / "out", samples(), "task", asked)
    assert record.verdict is Verdict.PASS
    package = tmp_path / "out" / record.artifacts[0].path
    assert inspected(package).sizes == {"x": "1 x 4 x 3 or 1 x 4 x 1 or 1 x 4 x 200; default 1 x 4 x 3"}
    assert record.artifacts[0].options["flexible"] == "1 x 4 x 1, 1 x 4 x 3, 1 x 4 x 200"
    given = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), artifacts=(package,))
    assert api.verify(Tagger().eval(), tmp_path / "given", samples(), "task", given).verdict is Verdict.PASS
    beyond = [*samples(), {"x": np.zeros((1, 4, 7), np.float32)}]
    refused = api.verify(Tagger().eval(), tmp_path / "beyond", beyond, "task", given)
    assert refused.verdict is Verdict.UNKNOWN
    assert refused.settings[0].note.startswith("sample 3: ")
    assert "1 x 4 x 3" in refused.settings[0].note or "(1, 4, 3)" in refused.settings[0].note


def test_several_inputs_have_their_lengths_listed_together(tmp_path: Path) -> None:
    pairs = [{name: np.full((1, size), size / 7, np.float32) for name in ("a", "b")} for size in (2, 5)]
    asked = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), enumerates=True)
    record = api.verify(Joined().eval(), tmp_path / "out", pairs, "task", asked)
    assert record.verdict is Verdict.PASS
    assert record.artifacts[0].options["deployment_target"] == "iOS18"


def test_more_lengths_than_can_be_listed_are_refused(tmp_path: Path) -> None:
    many = [{"x": np.zeros((1, 4, size), np.float32)} for size in range(2, 131)]
    asked = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), enumerates=True)
    with pytest.raises(InputError, match="more shapes than Core ML can list"):
        api.verify(Tagger().eval(), tmp_path / "out", many, "task", asked)
