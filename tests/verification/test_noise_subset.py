"""Of many samples the source runs in fp64 on some: only its noise changes, which then excuses less."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mlparity import api
from mlparity.record.record import Record
from mlparity.report.texts import noise_of_text
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

COUNT, SOME = 12, 4


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sqrt(self.line(x).sum(1, keepdim=True))


def verify(out: Path, *, most: int, lost: int | None = None, **changes: object) -> Record:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    net = Net().eval()
    with torch.no_grad():
        net.line.weight.abs_()
    samples = [{"x": random.random((1, 64)).astype(np.float32) + 1} for _ in range(COUNT)]
    if lost is not None:
        samples[lost]["x"] *= -1
    options = VerifyOptions(settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY"]), noise_samples=most)
    return api.verify(net, out, samples, "task", dataclasses.replace(options, **changes))  # type: ignore[arg-type]


def test_only_the_noise_changes_and_excuses_less(tmp_path: Path) -> None:
    whole, some = verify(tmp_path / "whole", most=COUNT), verify(tmp_path / "some", most=SOME)
    assert [row.outputs for row in some.settings] == [row.outputs for row in whole.settings]
    assert (some.rungs, some.hazards, some.samples) == (whole.rungs, whole.hazards, whole.samples)
    (all_noise,), (noise,) = whole.noise, some.noise
    assert (all_noise.samples, noise.samples) == (None, SOME)
    assert 0 < noise.max_abs <= all_noise.max_abs
    assert noise_of_text(noise).endswith(", over 4 of the samples")
    assert "of the samples" not in noise_of_text(all_noise)
    assert verify(tmp_path / "again", most=SOME, open_bytes=0).noise == some.noise


def test_a_sample_that_the_source_makes_nan_is_always_among_them(tmp_path: Path) -> None:
    for lost in range(COUNT):
        (noise,) = verify(tmp_path / "out", most=1, lost=lost).noise
        assert noise.samples in (1, 2)
        if noise.samples == 2:
            return
    raise AssertionError("one of the samples is not the one that is drawn")
