from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mlparity import api
from mlparity.core.words import Verdict
from mlparity.record.record import Record
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

FP32 = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))


class Scaled(nn.Module):
    def forward(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x) * factor


class OnlyFp32(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dtype is torch.float64:
            raise TypeError("fp32 or nothing")
        return x + 1


class Samples:
    """Two samples with a scalar among the inputs, or without."""

    description, warning = "two samples", ""

    def __init__(self, **more: np.ndarray) -> None:
        self.more = more

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        for number in range(2):
            x = np.random.default_rng(number).standard_normal((1, 4)).astype(np.float32)
            yield f"sample {number}", {"x": x, **self.more}


def _verified(module: nn.Module, samples: Samples, out: Path) -> Record:
    return api.verify(module.eval(), out, samples, options=FP32)


def test_a_scalar_input_is_verified_though_core_ml_has_none(tmp_path: Path) -> None:
    record = _verified(Scaled(), Samples(factor=np.array(3, np.float32)), tmp_path / "out")
    assert record.verdict is Verdict.PASS, record.settings[0].note


def test_a_noise_that_cannot_be_measured_is_told(tmp_path: Path) -> None:
    record = _verified(OnlyFp32(), Samples(), tmp_path / "out")
    assert record.noise == ()
    assert any("noise is not known" in note and "fp64" in note for note in record.source.notes)
    assert record.verdict is Verdict.PASS
