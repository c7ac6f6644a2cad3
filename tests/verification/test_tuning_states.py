"""Tuning and a device's outputs of models that keep a state: over steps, each sequence as a whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import VerifyOptions, api
from mlparity.core.errors import InputError
from mlparity.core.words import Provenance, Verdict
from mlparity.record.outputs import read_header, writing_outputs
from mlparity.record.policy import Limit, Policy
from mlparity.samples.arrays import read_arrays
from mlparity.targets.table import settings_from

RANDOM = np.random.default_rng(0)
SAMPLES = [[{"x": RANDOM.standard_normal((1, 4)).astype(np.float32)} for _ in range(count)] for count in (3, 2, 4, 3)]
REPEATED = [[SAMPLES[0][0]] * 3, [SAMPLES[0][0]] * 2]
ONE = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]))


class Sum(nn.Module):
    """A cell that keeps a sum of what a network makes of its inputs."""

    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(4, 64), nn.Linear(64, 64), nn.Linear(64, 3)
        self.register_buffer("total", torch.zeros(1, 64))

    def forward(self, x: Tensor) -> Tensor:
        self.total.copy_(self.total + torch.tanh(self.second(torch.relu(self.first(x)))))
        joined: Tensor = self.last(self.total)
        return joined


class Overflowing(Sum):
    """The same with an exponential that fp16 cannot hold, once the sum has grown over some steps."""

    def forward(self, x: Tensor) -> Tensor:
        super().forward(torch.ones_like(x))
        return torch.log(1 + torch.exp(self.total.abs().sum() + x))


def within(share: float) -> Policy:
    return Policy("within", (Limit("max_abs", at_most=share, of_scale=True),))


def test_ops_that_overflow_in_a_later_step_stay_in_fp32(tmp_path: Path) -> None:
    found = api.tune(Overflowing().eval(), tmp_path / "out", SAMPLES, "task", ONE)
    assert (found.before.verdict, found.after.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert [op.type for op in found.kept if op.by == "tune"][-3:] == ["exp", "add", "log"]


def test_weights_are_stored_in_fewer_bits_as_the_steps_bear(tmp_path: Path) -> None:
    found = api.tune_compression(Sum().eval(), tmp_path / "out", SAMPLES, within(0.05), ONE)
    assert found.best is not None
    assert (found.searched, found.verified) == (2, 2)
    options = replace(ONE, artifacts=(tmp_path / "out" / found.package,))
    assert api.verify(Sum().eval(), tmp_path / "again", SAMPLES, within(0.05), options).verdict is Verdict.PASS


def test_one_sequence_has_no_halves(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both halves"):
        api.tune_compression(Sum().eval(), tmp_path / "out", SAMPLES[:1], within(0.05), ONE)


def test_a_devices_steps_are_found_by_their_names(tmp_path: Path) -> None:
    """Equal inputs give other outputs at other steps; one step that the device has wrong is the worst one."""
    arrays = {f"{one}/{step}/x": each["x"] for one, steps in enumerate(REPEATED) for step, each in enumerate(steps)}
    np.savez(tmp_path / "steps.npz", **arrays)  # type: ignore[arg-type]
    inputs = str(tmp_path / "steps.npz")
    record = api.verify(Sum().eval(), tmp_path / "made", inputs, "task", ONE)
    package = tmp_path / "made" / record.artifacts[0].path
    api.run_artifact(package, inputs, tmp_path / "saved.npz")
    with writing_outputs(tmp_path / "device.npz") as writer:
        for name, array in read_arrays(tmp_path / "saved.npz", "").items():
            sample, _, output = name.rpartition("/")
            writer.add(sample, {output: array + array.dtype.type(sample == "steps.npz/0/2")})
        writer.close_with(replace(read_header(tmp_path / "saved.npz"), provenance=Provenance.MEASURED))
    options = replace(ONE, artifacts=(package,), device_outputs=(tmp_path / "device.npz",))
    ours, theirs = api.verify(Sum().eval(), tmp_path / "out", inputs, "task", options).settings
    assert (ours.verdict, theirs.verdict) == (Verdict.PASS, Verdict.FAIL)
    worst = theirs.outputs[0].worst
    assert worst[0].sample == "steps.npz/0/2"
    assert worst[0].max_abs == pytest.approx(1, abs=0.01)
    assert worst[1].max_abs < 0.01
