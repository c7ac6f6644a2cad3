"""Figures do not depend on how many models are open at once, nor on the size of the blocks of samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import api
from mlparity.core.progress import silent
from mlparity.core.session import Sample
from mlparity.record.record import Record
from mlparity.sessions.on_demand import OnDemandSession
from mlparity.targets.table import settings_from
from mlparity.verification import budget
from mlparity.verification.execute import BlockSize, Feed, Step, execute
from mlparity.verification.options import VerifyOptions

COUNT = 7


class Net(nn.Module):
    """Carries a state, so that a session that opens again has to take it up."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(6, 5)

    def forward(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        after = torch.tanh(self.line(x) + state)
        return {"scores": after * 3.0, "after": after}


def samples() -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    found = [{"x": random.standard_normal((1, 6)).astype(np.float32)} for _ in range(COUNT)]
    found[0]["state"] = np.zeros((1, 5), np.float32)
    return found


def counted(out: Path, **changes: int) -> object:
    torch.manual_seed(0)
    options = VerifyOptions(settings_from(["fp32/CPU_ONLY", "fp16/ALL", "litert/fp32"]), {"after": "state"}, **changes)  # type: ignore[arg-type]
    record: Record = api.verify(Net().eval(), out, samples(), "task", options)
    rows = [dataclasses.replace(row, seconds_per_sample=None) for row in record.settings]
    return rows, record.rungs, record.hazards, record.noise, record.samples, record.verdict, record.cause


def test_models_that_are_opened_in_turn_give_the_same_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = counted(tmp_path / "together")
    monkeypatch.setattr(budget, "_IN_TURN", BlockSize(3))
    rests: list[OnDemandSession] = []
    closing = OnDemandSession.rest

    def rest(session: OnDemandSession) -> None:
        rests.append(session)
        closing(session)

    monkeypatch.setattr(OnDemandSession, "rest", rest)
    assert counted(tmp_path / "in turn", open_bytes=0) == together
    assert len(rests) > 2 * len(set(rests)), "each was closed after each block"


def test_of_a_block_one_observer_sees_all_samples_before_the_next_one() -> None:
    seen: list[tuple[str, str]] = []

    class Watcher:
        def __init__(self, name: str) -> None:
            self.name = name

        def add(self, step: Step) -> None:
            seen.append((self.name, step.name))

        def rest(self) -> None:
            seen.append((self.name, "rest"))

    def feed() -> Iterator[tuple[str, Sample]]:
        yield from ((name, {"x": np.zeros(4)}) for name in "abc")

    blocks: list[str] = []
    execute(
        Feed(feed(), 3),
        lambda _, sample: dict(sample),
        [Watcher("one"), Watcher("two")],
        silent,
        lambda steps: blocks.append("".join(step.name for step in steps)),
        BlockSize(2),
    )
    assert blocks == ["ab", "c"]
    assert seen[:6] == [("one", "a"), ("one", "b"), ("one", "rest"), ("two", "a"), ("two", "b"), ("two", "rest")]
    blocks.clear()
    execute(
        Feed(feed(), 3), lambda _, sample: dict(sample), [], silent, lambda steps: blocks.append("b"), BlockSize(9, 1)
    )
    assert len(blocks) == 3, "a block ends after so many bytes too"


@pytest.mark.parametrize(("room", "kept"), [(0, (False,) * 3), (5, (True, True, False)), (9, (True,) * 3)])
def test_the_first_models_stay_open(room: int, kept: tuple[bool, ...]) -> None:
    assert budget.kept_open((2, 3, 4), room) == kept
