"""Speeds: timed on a real runtime, estimated from a real package, and told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from mlparity import api
from mlparity.compare.comparer import Comparer
from mlparity.core.words import Precision, Provenance
from mlparity.record.record import Artifact
from mlparity.report.decision import decision_paragraph
from mlparity.sessions import torch as torch_backend
from mlparity.sessions.carrying import CarryingSession
from mlparity.sources.load import flatten_source, load_module
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions
from mlparity.verification.runs import Run
from mlparity.verification.speed import measure


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 14 * 14, 4)).eval()


def sample() -> dict[str, np.ndarray]:
    return {"input": np.random.default_rng(0).random((1, 3, 16, 16), dtype=np.float32)}


def test_a_real_session_is_timed() -> None:
    source = flatten_source(load_module(net()), sample())
    artifact = Artifact("none", "litert", Precision.FP32, 0, "", "given")
    with torch_backend.open(source) as session:
        run = Run((), artifact, CarryingSession(session, {}), Provenance.MEASURED, Comparer())
        latency = measure(run, sample())
        assert latency is not None
        assert 0 < latency.low_ms <= latency.median_ms <= latency.high_ms
        assert 1 <= latency.runs <= 30
        assert measure(run, {"input": np.zeros((2, 2), np.float32)}) is None


def test_where_core_ml_does_not_run_speeds_are_an_order_with_its_basis(tmp_path: Path) -> None:
    options = VerifyOptions(settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY", "fp16/ALL", "litert/fp32"]))
    record = api.verify(net(), tmp_path / "out", [sample()], "task", options)
    assert record.decision is not None
    speeds = {str(each.setting): each.speed for each in record.decision.candidates}
    assert speeds["litert/fp32"] is None, "another target's speed is not compared with Core ML's"
    found = [speeds[name] for name in ("fp32/CPU_ONLY", "fp16/CPU_ONLY", "fp16/ALL")]
    assert all(each is not None and each.provenance is Provenance.ESTIMATED and each.latency is None for each in found)
    assert "GFLOP" in (found[0].basis if found[0] is not None else "")
    assert record.decision.fastest is not None
    assert any("ANEForge" in source for source in record.decision.evidence.values())
    report = (tmp_path / "out" / "report.md").read_text()
    assert decision_paragraph(record).partition(" (")[0] in report
    assert "| fp16/CPU_ONLY | " in report


def test_consistency_first_from_the_options(tmp_path: Path) -> None:
    options = VerifyOptions(settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY"]), consistency_first=True)
    record = api.verify(net(), tmp_path / "out", [sample()], "task", options)
    assert str(record.recommendation.setting) == "fp32/CPU_ONLY"
    assert record.decision is not None
    assert record.decision.consistency_first
