"""A classifier of Core ML, which gives a label and a table: its probabilities are compared, and explained."""

from __future__ import annotations

from pathlib import Path

import coremltools as ct
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import VerifyOptions, api
from mlparity.core.words import ComputeUnit, Verdict
from mlparity.record.causes import CauseKind
from mlparity.report.causes import cause_sentence
from mlparity.targets.coreml.session import open_package
from mlparity.targets.table import settings_from

pytestmark = pytest.mark.filterwarnings("ignore")

LABELS = {"texts": ["cat", "dog", "horse", "yak"], "numbers": [3, 1, 4, 7]}
X = np.linspace(-1, 1, 8, dtype=np.float32)[None]


class Net(nn.Module):
    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner, self.shift = nn.Linear(8, 4), shift

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.inner(x + self.shift), -1)


@pytest.fixture(scope="module", params=[(form, kind) for form in ("mlprogram", "neuralnetwork") for kind in LABELS])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    form, kind = request.param
    model = ct.convert(
        torch.jit.trace(Net().eval(), torch.from_numpy(X)),
        inputs=[ct.TensorType("pixels", X.shape)],
        classifier_config=ct.ClassifierConfig(LABELS[kind]),
        convert_to=form,
        **({"compute_precision": ct.precision.FLOAT32} if form == "mlprogram" else {}),
    )
    path: Path = tmp_path_factory.mktemp("made") / ("net.mlpackage" if form == "mlprogram" else "net.mlmodel")
    model.save(str(path))
    return path


def options(package: Path) -> VerifyOptions:
    settings = ["fp32/CPU_ONLY"] if package.suffix == ".mlpackage" else ["neuralnetwork/CPU_ONLY"]
    return VerifyOptions(settings=settings_from(settings), artifacts=(package,))


def test_the_probabilities_are_compared_and_the_label_is_left_out(package: Path, tmp_path: Path) -> None:
    record = api.verify(Net().eval(), tmp_path / "out", [{"x": X}], options=options(package))
    assert record.verdict is Verdict.PASS
    (output,) = record.settings[0].outputs
    assert (output.elements, output.flips is not None and output.flips.samples) == (4, 1)


def test_a_difference_is_explained_in_numbers(package: Path, tmp_path: Path) -> None:
    record = api.verify(Net(0.5).eval(), tmp_path / "out", [{"x": X}], options=options(package))
    assert record.verdict is Verdict.FAIL
    assert record.cause.kind in (CauseKind.CONVERTER, CauseKind.WEIGHTS, CauseKind.PREPROCESSING)
    assert "infinite" not in cause_sentence(record)


def test_the_table_is_a_batch_of_one(package: Path) -> None:
    with open_package(package, ComputeUnit.CPU_ONLY, ("x",)) as session:
        (name,) = (spec.name for spec in session.signature.outputs)
        assert session.run({"x": X})[name].shape == (1, 4)


class Lone(Net):
    """The same for one picture: its probabilities are a vector."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[0]


def test_a_source_that_gives_a_vector_is_compared(tmp_path: Path) -> None:
    model = ct.convert(
        torch.jit.trace(Lone().eval(), torch.from_numpy(X)),
        inputs=[ct.TensorType("x", X.shape)],
        classifier_config=ct.ClassifierConfig(LABELS["texts"]),
        compute_precision=ct.precision.FLOAT32,
    )
    path = tmp_path / "net.mlpackage"
    model.save(str(path))
    record = api.verify(Lone().eval(), tmp_path / "out", [{"x": X}], options=options(path))
    assert (record.verdict, record.settings[0].outputs[0].elements) == (Verdict.PASS, 4)
