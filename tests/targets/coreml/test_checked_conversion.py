"""A conversion that differs from the source is made by another route, and the record says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.api import verify
from mlparity.core.errors import ConversionError
from mlparity.core.words import ComputeUnit, Precision, Setting, Verdict
from mlparity.record.causes import CauseKind
from mlparity.targets.coreml.checked_conversion import convert_checked, difference_of, route_notes
from mlparity.targets.coreml.convert import CoremlOptions, Frontend
from mlparity.verification.options import VerifyOptions
from tests.loading import load_source

SAMPLES = [{"x": np.linspace(-1, 2, 12, dtype=np.float32).reshape(3, 4) * factor} for factor in (1, -3)]
FP32 = Setting("coreml", Precision.FP32, ComputeUnit.CPU_ONLY)
FP16 = Setting("coreml", Precision.FP16, ComputeUnit.CPU_ONLY)


def is_tracing() -> bool:
    return torch.jit.is_tracing()  # type: ignore[attr-defined]  # a name of the documentation, though of no __all__


class OtherInATrace(nn.Module):
    """Computes something else while it is traced, as models do that ask for that."""

    def __init__(self, factor: float = 1.01) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor if is_tracing() else x


class OtherWhenExported(nn.Module):
    """Computes something else on every route, and comes closest in a trace."""

    def forward(self, x: Tensor) -> Tensor:
        if is_tracing():
            return x * 1.5
        return x * 3 if torch.compiler.is_exporting() else x


class Branching(nn.Module):
    """Takes a branch by value: a trace keeps the one that the first sample takes, and an export refuses."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x - 1


def test_a_route_that_differs_gives_way_to_one_that_agrees(tmp_path: Path) -> None:
    record = verify(OtherInATrace().eval(), tmp_path / "out", SAMPLES, options=VerifyOptions(settings=(FP32, FP16)))
    assert [each.frontend for each in record.artifacts] == [Frontend.EXPORT, Frontend.EXPORT]
    (left,) = record.artifacts[0].attempts
    assert left.startswith("trace: converts, and differs from the source by 0.02")
    assert left.endswith("export is taken instead")
    assert record.artifacts[1].attempts == ()
    assert [note for note in record.source.notes if left in note]
    assert (
        left in (tmp_path / "out" / "report.md").read_text() or left in (tmp_path / "out" / "report.html").read_text()
    )
    assert record.settings[0].verdict is Verdict.PASS


def test_where_no_route_agrees_the_closest_fails_openly(tmp_path: Path) -> None:
    record = verify(OtherWhenExported().eval(), tmp_path / "out", SAMPLES, options=VerifyOptions(settings=(FP32,)))
    assert record.artifacts[0].frontend == Frontend.TRACE
    kept, tried = record.artifacts[0].attempts
    assert "taken all the same" in kept
    assert tried.startswith("export: converts, and differs")
    assert record.settings[0].verdict is Verdict.FAIL
    assert record.cause.kind is not CauseKind.NONE


def test_a_branch_that_a_trace_keeps_is_seen_on_the_second_sample(tmp_path: Path) -> None:
    source = load_source(Branching().eval(), SAMPLES[0])
    done, _ = convert_checked(source, SAMPLES, CoremlOptions(), tmp_path / "made.mlpackage")
    assert "taken all the same" in done.attempts[-2]
    assert not difference_of(source, SAMPLES, tmp_path / "made.mlpackage", Precision.FP32).is_small
    assert difference_of(source, SAMPLES[:1], tmp_path / "made.mlpackage", Precision.FP32).is_small
    assert [each.name for each in tmp_path.iterdir()] == ["made.mlpackage"]


def test_a_faithful_conversion_says_nothing(tmp_path: Path) -> None:
    module = nn.Linear(4, 2).eval()
    samples = [{"input": each["x"]} for each in SAMPLES]
    record = verify(module, tmp_path / "out", samples, options=VerifyOptions(settings=(FP32,)))
    assert record.artifacts[0].attempts == ()
    assert route_notes(record.artifacts) == ()


def test_fp16_that_overflows_takes_no_other_route(tmp_path: Path) -> None:
    class Large(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * 1e5).sum(1)

    source = load_source(Large().eval(), SAMPLES[0])
    options = CoremlOptions(precision=Precision.FP16)
    done, _ = convert_checked(source, SAMPLES, options, tmp_path / "made.mlpackage")
    assert not difference_of(source, SAMPLES, tmp_path / "made.mlpackage", Precision.FP16).is_small
    assert (done.frontend, done.attempts) == (Frontend.TRACE, ())
    assert [each.name for each in tmp_path.iterdir()] == ["made.mlpackage"]


def test_fp16_alone_takes_the_route_that_agrees(tmp_path: Path) -> None:
    source = load_source(OtherInATrace(1.5).eval(), SAMPLES[0])
    options = CoremlOptions(precision=Precision.FP16)
    done, _ = convert_checked(source, SAMPLES, options, tmp_path / "made.mlpackage")
    assert done.frontend is Frontend.EXPORT


def test_each_target_s_reason_is_told_where_all_fail(tmp_path: Path) -> None:
    class Unknown(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.mode(x, 1)[0]

    settings = (FP32, FP16, Setting("litert", Precision.FP32))
    with pytest.raises(ConversionError) as caught:
        verify(Unknown().eval(), tmp_path / "out", SAMPLES, options=VerifyOptions(settings=settings))
    text = str(caught.value)
    assert "coreml/fp32, coreml/fp16: the source cannot be converted to Core ML" in text
    assert "litert/fp32: LiteRT's converter stopped" in text
