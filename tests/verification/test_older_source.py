"""An artifact that was made from the source as it was before: by its own record, and by its weights."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

from mlparity.api import verify
from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions
from tests.faults.fault import normal

SAYS = "The artifact was made from an older version of the source: its own record says"
NEAR = "All weight matrices in it are other than the source's, and none lies further from its own than 2.1%"


class Judge(nn.Module):
    def __init__(self, act: nn.Module | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.last = nn.Linear(8, 32), nn.Linear(32, 24)
        self.act = nn.Tanh() if act is None else act

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x)))


def trained(moved: float, act: nn.Module | None = None) -> nn.Module:
    """The network some steps later."""
    module, draw = Judge(act), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for each in module.parameters():
            each.mul_(1 + moved * torch.randn(each.shape, generator=draw))
    return module.eval()


def checked(module: nn.Module, artifact: Path, out: Path) -> Record:
    options = VerifyOptions(settings=settings_from(["onnx/fp32"]), artifacts=(artifact,))
    return verify(module, out, normal(4, 8), options=options)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    record = verify(Judge().eval(), out, normal(4, 8), options=VerifyOptions(settings=settings_from(["onnx/fp32"])))
    assert record.verdict is Verdict.PASS
    return out / record.artifacts[0].path


def test_an_artifact_of_older_weights_says_so_itself_and_by_its_weights(made: Path, tmp_path: Path) -> None:
    record = checked(trained(0.02), made, tmp_path / "out")
    assert record.cause.kind is CauseKind.WEIGHTS
    said = cause_sentence(record)
    assert SAYS in said
    assert NEAR in said
    assert record.settings[0].causes == (record.cause,)


def test_weights_of_another_training_are_not_near(made: Path, tmp_path: Path) -> None:
    record = checked(trained(2.0), made, tmp_path / "out")
    assert record.cause.kind is CauseKind.WEIGHTS
    assert "moment of one training" not in cause_sentence(record)


def test_an_op_that_has_changed_since_says_what_the_record_says(made: Path, tmp_path: Path) -> None:
    """The weights are others too: both are told, and that the artifact is of before."""
    record = checked(trained(0.02, nn.SiLU()), made, tmp_path / "out")
    assert SAYS in cause_sentence(record)


def test_the_same_weights_are_of_no_older_source(made: Path, tmp_path: Path) -> None:
    record = checked(Judge(nn.SiLU()).eval(), made, tmp_path / "out")
    assert record.cause.kind is CauseKind.CONVERTER
    assert SAYS not in cause_sentence(record)


def test_a_file_that_was_given_does_not_say_what_it_was_made_from(made: Path, tmp_path: Path) -> None:
    """It was compared with a source, which tells nothing of the one that it comes from."""
    first = checked(Judge().eval(), made, tmp_path / "first")
    given = tmp_path / "first" / first.artifacts[0].path
    assert SAYS not in cause_sentence(checked(trained(0.02), given, tmp_path / "second"))


def test_texts_of_another_file_are_not_believed(made: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.onnx"
    model = onnx.load(made)
    model.graph.node[0].doc_string = "touched"
    onnx.save(model, changed)
    assert SAYS not in cause_sentence(checked(trained(0.02), changed, tmp_path / "out"))
