"""fp32 on the GPU as variants: in the record, its table and its cause; the decision stays with what is documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mlparity import api
from mlparity.core.words import Confidence, Provenance, Verdict
from mlparity.record.causes import CauseKind, Observation
from mlparity.record.record import Record
from mlparity.report.decision import recommendation_text
from mlparity.targets.table import settings_from
from mlparity.verification.options import Members, VerifyOptions

ON_GPU = ("fp32/CPU_AND_GPU", "fp32/ALL")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.head = nn.Linear(16, 32), nn.Linear(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.first(x)))


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    folder = tmp_path_factory.mktemp("fp32")
    np.savez(folder / "x.npz", x=np.random.default_rng(0).standard_normal((1, 16)).astype(np.float32))
    options = VerifyOptions(settings=settings_from(["fp32/*"]), chips=("M4", "M5"), members=Members.ALL)
    return api.verify(Net().eval(), folder / "out", str(folder / "x.npz"), options=options)


def test_each_variant_stands_with_its_confidence_and_chips(record: Record) -> None:
    rows = {str(row.setting): row for row in record.settings}
    assert (rows["fp32/CPU_ONLY"].provenance, rows["fp32/CPU_ONLY"].envelope) == (Provenance.COMPUTED, None)
    for name in ON_GPU:
        row = rows[name]
        assert row.provenance is Provenance.EMULATED
        assert row.envelope is not None
        assert [(run.name, run.confidence, run.chips, run.verdict) for run in row.envelope.runs] == [
            ("gpu-fp32-ieee", Confidence.DOCUMENTED, ("M4", "M5"), Verdict.PASS),
            ("gpu-fp32-tf32", Confidence.ASSUMED, ("M5",), Verdict.FAIL),
            ("gpu-fp32-fast", Confidence.ASSUMED, ("M4", "M5"), Verdict.PASS),
        ]
        assert row.envelope.dominating == "gpu-fp32-tf32"
        assert row.envelope.runs[0].figures["output"] == rows["fp32/CPU_ONLY"].outputs[0].figures
        assert row.verdict is Verdict.FAIL
        assert row.depends_on_unshown


def test_the_cause_is_the_gpu_and_not_the_conversion(record: Record) -> None:
    assert record.verdict is Verdict.PASS
    assert record.cause.kind is CauseKind.COMPUTE_UNIT
    assert record.cause.evidence[0].observation is Observation.GPU_FP32_DIFFERS
    causes = {str(row.setting): [cause.kind for cause in row.causes] for row in record.settings if row.causes}
    assert causes == {name: [CauseKind.COMPUTE_UNIT] for name in ON_GPU}


def test_the_decision_rests_on_documented_arithmetic(record: Record) -> None:
    assert str(record.recommendation.setting) == "fp32/CPU_ONLY"
    text = recommendation_text(record)
    assert "Ship fp32/CPU_ONLY" in text
    assert "Failing: fp32/CPU_AND_GPU, fp32/ALL" in text


def test_by_default_a_gpu_computes_as_documented_and_nothing_is_run_again(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).standard_normal((1, 16)).astype(np.float32))
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY", "fp32/ALL"]))
    plain, on_gpu = api.verify(Net().eval(), tmp_path / "out", str(tmp_path / "x.npz"), options=options).settings
    assert (plain.provenance, on_gpu.provenance) == (Provenance.COMPUTED, Provenance.EMULATED)
    assert on_gpu.envelope is not None
    assert [(run.name, run.confidence) for run in on_gpu.envelope.runs] == [("gpu-fp32-ieee", Confidence.DOCUMENTED)]
    assert on_gpu.outputs == plain.outputs
    assert on_gpu.verdict is plain.verdict is Verdict.PASS
