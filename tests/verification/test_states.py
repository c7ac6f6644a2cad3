"""Models that keep a state, verified over steps: conversion, cause, faults, and saved outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import VerifyOptions, api
from mlparity.core.errors import InputError
from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind, Observation
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence
from mlparity.targets.table import settings_from

RANDOM = np.random.default_rng(0)
SAMPLES = [[{"x": RANDOM.standard_normal((1, 4)).astype(np.float32)} for _ in range(count)] for count in (1, 3, 6)]
NAMES = [f"{sample}/{step}" for sample, steps in enumerate(SAMPLES) for step in range(len(steps))]


class Cell(nn.Module):
    """A recurrent cell that keeps its state and the sum of its inputs."""

    hidden: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.out = nn.GRUCell(4, 8), nn.Linear(12, 3)
        self.register_buffer("hidden", torch.zeros(1, 8))
        self.register_buffer("total", torch.zeros(1, 4))

    def forward(self, x: Tensor) -> Tensor:
        self.hidden.copy_(self.cell(x, self.hidden))
        self.keep(x)
        joined: Tensor = self.out(torch.cat([self.hidden, self.total], 1))
        return joined

    def keep(self, x: Tensor) -> None:
        self.total += x


class Forgetful(Cell):
    """The same without the write of the sum: what a conversion that loses a write makes of it."""

    def keep(self, x: Tensor) -> None:
        self.total.copy_(self.total + 0 * x)


def verified(module: nn.Module, out: Path, policy: str = "task", **options: object) -> Record:
    asked: dict[str, object] = {"settings": settings_from(["fp32/CPU_ONLY"]), **options}
    return api.verify(module.eval(), out, SAMPLES, policy, VerifyOptions(**asked))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Record]:
    out = tmp_path_factory.mktemp("made") / "out"
    return out, verified(Cell(), out, "consistency", settings=settings_from(["fp32/CPU_ONLY", "litert/*"]))


def test_every_step_is_compared_by_itself(made: tuple[Path, Record]) -> None:
    _, record = made
    assert record.samples.names == tuple(NAMES)
    assert record.samples.description == "3 sequences of 10 steps in all, from memory"
    assert record.samples.carry == {"hidden_out": "hidden", "total_out": "total"}
    assert {output.output for row in record.settings for output in row.outputs} == {"output", "hidden_out", "total_out"}


def test_what_the_storage_of_a_state_costs_is_told_apart(made: tuple[Path, Record]) -> None:
    """Core ML stores states in fp16; LiteRT takes them as inputs in fp32, and agrees."""
    _, record = made
    core_ml, litert = record.settings
    assert (core_ml.verdict, litert.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert (core_ml.note, litert.note) == ("state fp16", "")
    assert record.cause.kind is CauseKind.PRECISION
    assert record.cause.evidence[0].observation is Observation.STATE_STORED
    assert "hidden, total in fp16 between runs" in cause_sentence(record)


def test_a_given_package_with_a_state_is_verified(made: tuple[Path, Record], tmp_path: Path) -> None:
    folder, before = made
    package = folder / before.settings[0].artifact
    record = verified(Cell(), tmp_path / "out", artifacts=(package,))
    assert record.verdict is Verdict.PASS
    assert record.settings[0].outputs[0].figures == before.settings[0].outputs[0].figures


class Started(Cell):
    """The same with a sum that does not start at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.total += 2.0


def test_a_state_that_starts_elsewhere_is_told(tmp_path: Path) -> None:
    """LiteRT is given the source's start, and Core ML's states start at zero."""
    record = verified(Started(), tmp_path / "out", settings=settings_from(["fp32/CPU_ONLY", "litert/*"]))
    core_ml, litert = record.settings
    assert (core_ml.verdict, litert.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert record.cause.kind is CauseKind.CONVERTER
    assert "total starts at up to 2 in the source" in cause_sentence(record)


def test_a_lost_write_is_found_with_its_line(tmp_path: Path) -> None:
    package = tmp_path / "made" / verified(Forgetful(), tmp_path / "made").artifacts[0].path
    record = verified(Cell(), tmp_path / "out", artifacts=(package,))
    assert record.verdict is Verdict.FAIL
    assert record.cause.kind is CauseKind.WRITE
    assert "test_states.py" in cause_sentence(record)
    worst = {output.output: output.worst[0].sample for output in record.settings[0].outputs}
    assert worst["total_out"] in NAMES


class Stateless(Cell):
    """The same with the sum computed and thrown away: its package has one state fewer."""

    def forward(self, x: Tensor) -> Tensor:
        self.hidden.copy_(self.cell(x, self.hidden))
        joined: Tensor = self.out(torch.cat([self.hidden, self.total + x], 1))
        return joined


def test_a_state_that_the_package_lacks_is_named(tmp_path: Path) -> None:
    package = tmp_path / "made" / verified(Stateless(), tmp_path / "made").artifacts[0].path
    record = verified(Cell(), tmp_path / "out", artifacts=(package,))
    assert record.verdict is Verdict.FAIL
    assert "total_out" in cause_sentence(record)


def saved(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]


def test_saved_steps_give_the_figures_of_verify(made: tuple[Path, Record], tmp_path: Path) -> None:
    """Keys SAMPLE/STEP/NAME are read, the state begins anew at each sample, and a single file runs as `verify` does."""
    folder, record = made
    arrays = {f"{name}/x": SAMPLES[int(name[0])][int(name[2:])]["x"] for name in NAMES}
    saved(tmp_path / "steps.npz", arrays)
    package = folder / record.settings[0].artifact
    assert api.run_artifact(package, str(tmp_path / "steps.npz"), tmp_path / "all.npz") == len(NAMES)
    saved(tmp_path / "one.npz", {key[2:]: array for key, array in arrays.items() if key.startswith("2/")})
    assert api.run_artifact(package, str(tmp_path / "one.npz"), tmp_path / "alone.npz") == 6
    with np.load(tmp_path / "all.npz") as found, np.load(tmp_path / "alone.npz") as alone:
        for step in range(6):
            for output in ("output", "hidden_out", "total_out"):
                np.testing.assert_array_equal(found[f"steps.npz/2/{step}/{output}"], alone[f"one.npz/{step}/{output}"])


def test_samples_without_steps_stand_alone(tmp_path: Path) -> None:
    """The state begins anew for each: the same input twice gives the same output twice."""
    x = SAMPLES[0][0]
    record = api.verify(
        Cell().eval(), tmp_path / "out", [x, x], "task", VerifyOptions(settings=settings_from(["litert/*"]))
    )
    assert record.verdict is Verdict.PASS
    worst = record.settings[0].outputs[0].worst
    assert len({each.max_abs for each in worst}) == 1


def test_sequences_and_single_samples_do_not_mix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sample 1"):
        api.verify(Cell().eval(), tmp_path / "out", [SAMPLES[1], SAMPLES[0][0]])
