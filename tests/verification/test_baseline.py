"""`verify` with an earlier record of the same model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import api
from mlparity.core.errors import FormatError, InputError
from mlparity.core.words import Verdict
from mlparity.record.changes import ChangeKind, Direction
from mlparity.record.files import write_record
from mlparity.record.record import Record
from mlparity.targets.table import settings_from

SAMPLE = {"x": np.linspace(-1.0, 1.0, 8, dtype=np.float32)[None]}
OPTIONS = api.VerifyOptions(settings=settings_from(["litert/fp32"]))


class Net(nn.Module):
    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((8,), gain))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x * self.gain)


def verified(out: Path, net: nn.Module, baseline: Path | None = None) -> Record:
    return api.verify(net.eval(), out, [SAMPLE], options=replace(OPTIONS, baseline=baseline))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("earlier") / "out"
    assert verified(out, Net()).changes is None
    return out


def test_the_record_and_the_reports_say_what_changed(earlier: Path, tmp_path: Path) -> None:
    record = verified(tmp_path / "out", Net(2.0), earlier)
    assert record.changes is not None
    assert ChangeKind.SOURCE in {change.kind for change in record.changes.changes}
    for name in ("report.html", "report.md"):
        assert "Since the earlier record" in (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_a_verdict_that_got_worse_is_told(earlier: Path, tmp_path: Path) -> None:
    """The verdict itself stays that of the policy."""
    before = api.read_any_record(earlier)
    assert isinstance(before, Record)
    write_record(replace(before, verdict=Verdict.FAIL), tmp_path / "record.json")
    record = verified(tmp_path / "out", Net(), tmp_path / "record.json")
    assert record.verdict is Verdict.PASS
    assert record.changes is not None
    assert [(change.kind, change.direction) for change in record.changes.changes] == [
        (ChangeKind.VERDICT, Direction.BETTER)
    ]


def test_a_record_of_another_model_is_refused_before_any_work(earlier: Path, tmp_path: Path) -> None:
    class Other(Net):
        pass

    with pytest.raises(InputError, match="another model"):
        verified(tmp_path / "out", Other(), earlier)
    with pytest.raises(FormatError, match="a summary of its record"):
        verified(tmp_path / "out", Net(), next(earlier.glob("*.tflite")))
    assert not (tmp_path / "out").exists()
