"""What a device saved is a row of its own, and only of the very artifact and samples that are verified."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mlparity import api
from mlparity.core.errors import InputError
from mlparity.core.words import Provenance
from mlparity.record.outputs import OutputsHeader, read_header, writing_outputs
from mlparity.record.record import Record
from mlparity.report.decision import decision_paragraph
from mlparity.samples.arrays import read_arrays
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

X = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)


class Net(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x) * 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An fp16 package, inputs, and what `mlparity run` saved of it."""
    folder = tmp_path_factory.mktemp("made")
    np.savez(folder / "x.npz", x=X)
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]))
    api.verify(Net().eval(), folder / "out", str(folder / "x.npz"), "task", options)
    api.run_artifact(folder / "out" / "Net_fp16.mlpackage", str(folder / "x.npz"), folder / "saved.npz")
    return folder


def saved_as(made: Path, path: Path, shift: float = 0.0, **changes: object) -> Path:
    """Save the outputs again under another header, as another machine would have."""
    header: OutputsHeader = replace(read_header(made / "saved.npz"), **changes)  # type: ignore[arg-type]
    with writing_outputs(path) as writer:
        for name, array in read_arrays(made / "saved.npz", "").items():
            sample, _, output = name.rpartition("/")
            writer.add(sample, {output: array + array.dtype.type(shift)})
        writer.close_with(header)
    return path


def verified(made: Path, out: Path, *files: Path, inputs: str = "x.npz") -> Record:
    options = VerifyOptions(
        settings=settings_from(["fp16/CPU_ONLY", "fp16/ALL"]),
        artifacts=(made / "out" / "Net_fp16.mlpackage",),
        device_outputs=files,
    )
    return api.verify(Net().eval(), out, str(made / inputs), "task", options)


def test_saved_outputs_are_a_row_below_the_emulated_one(made: Path, tmp_path: Path) -> None:
    file = saved_as(
        made, tmp_path / "mac.npz", 0.5, provenance=Provenance.MEASURED, platform="macOS 26 M4", seconds=(9, 1, 3)
    )
    record = verified(made, tmp_path / "out", file)
    assert [str(row.setting) for row in record.settings] == ["fp16/CPU_ONLY", "fp16/ALL", "fp16/ALL"]
    row = record.settings[2]
    assert row.provenance is Provenance.MEASURED
    assert record.settings[1].provenance is Provenance.EMULATED
    assert "macOS 26 M4" in row.runtime
    assert row.outputs[0].figures["mean_abs"] == pytest.approx(0.5, abs=0.01)
    assert row.verdict == "fail"
    assert record.recommendation.setting == record.settings[0].setting, "what fails on a device is not shipped"


def test_times_of_a_device_order_the_settings_it_ran_all_of(made: Path, tmp_path: Path) -> None:
    there = partial(saved_as, made, provenance=Provenance.MEASURED, platform="macOS 26 M4")
    slow = there(tmp_path / "slow.npz", setting="fp16/CPU_ONLY", seconds=(9, 9, 9, 0.25))
    fast = there(tmp_path / "fast.npz", setting="fp16/ALL", seconds=(9, 9, 9, 0.1))
    record = verified(made, tmp_path / "out", slow, fast)
    decision = record.decision
    assert decision is not None
    assert [each.speed and (each.speed.provenance, each.speed.rank) for each in decision.candidates] == [
        (Provenance.MEASURED, 2),
        (Provenance.MEASURED, 1),
    ]
    assert "fp16/ALL, rank 1 of 2, 100 ms" in decision_paragraph(record)
    decision = verified(made, tmp_path / "out_of_one", fast).decision
    assert decision is not None
    assert {each.speed and each.speed.provenance for each in decision.candidates} == {Provenance.ESTIMATED}


def test_what_was_not_measured_is_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a device's"):
        verified(made, tmp_path / "out", made / "saved.npz")


def test_another_artifact_is_refused(made: Path, tmp_path: Path) -> None:
    file = saved_as(made, tmp_path / "other.npz", provenance=Provenance.MEASURED, artifact_sha256="0" * 64)
    with pytest.raises(InputError, match="of another artifact"):
        verified(made, tmp_path / "out", file)
    assert not (tmp_path / "out").exists()


def test_other_samples_are_refused(made: Path, tmp_path: Path) -> None:
    np.savez(made / "others.npz", x=X + 1)
    file = saved_as(made, tmp_path / "mac.npz", provenance=Provenance.MEASURED)
    with pytest.raises(InputError, match="of other samples"):
        verified(made, tmp_path / "out", file, inputs="others.npz")
