"""Samples run by workers: equal to the last bit to what one process gives, also where a worker is killed."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

import mlparity
from mlparity.core.errors import ExecutionError, InputError
from mlparity.core.progress import silent
from mlparity.execution.ray import unpacked
from mlparity.record.text import plain
from mlparity.verification import spreading
from mlparity.verification.job import Job
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import open_source
from mlparity.verification.spreading import check_can_spread

pytest.importorskip("ray", reason="Ray has no wheel for this machine")

MODEL = """
import numpy as np
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8 * 36, 10)

    def forward(self, x):
        return self.last(torch.nn.functional.gelu(self.first(x)).flatten(1)).softmax(-1)


def net():
    return Net().eval()


def samples():
    draw = np.random.default_rng(0)
    for _ in range(70):
        yield {"x": draw.standard_normal((1, 3, 8, 8)).astype(np.float32)}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spread")
    (folder / "spread_model.py").write_text(MODEL)
    (folder / "arrays").mkdir()
    draw = np.random.default_rng(1)
    for number in range(5):
        np.save(folder / "arrays" / f"{number}.npy", draw.standard_normal((1, 3, 8, 8)).astype(np.float32))
    return folder


def verified(folder: Path, inputs: str, ray: str | None, progress: Any = None) -> Any:
    options = mlparity.VerifyOptions(settings=mlparity.settings_from(("fp16/CPU_ONLY",)), ray=ray)
    out = folder / f"out {ray} {Path(inputs).stem}"
    told = (lambda *_: None) if progress is None else progress
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return mlparity.verify(f"{folder / 'spread_model.py'}:net", out, inputs, "consistency", options, told)
    finally:
        torch.set_num_threads(before)


def figures(record: Any) -> Any:
    """A record without what no two runs have alike: times, and the random names inside a package."""
    found: Any = plain(record)
    return _without(found, {"created", "seconds_per_sample", "seconds", "artifacts"})


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, names) for name, each in value.items() if name not in names}
    return [_without(each, names) for each in value] if isinstance(value, list) else value


def kill_a_worker(done: threading.Event) -> None:
    """Kill one worker of ours as soon as one works."""
    while not done.wait(0.05):
        for status in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = status.read_bytes()
            except OSError:
                continue
            if b"ray::Worker.work" in text:
                os.kill(int(status.parent.name), signal.SIGKILL)
                return


def test_workers_give_the_bits_of_one_process_also_where_one_is_killed(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    function, arrays = f"{folder / 'spread_model.py'}:samples", str(folder / "arrays")
    stages, done = set[str](), threading.Event()
    killer = threading.Thread(target=kill_a_worker, args=(done,))
    from mlparity.execution.pool import workers_at

    with workers_at("local:2", {"torch": torch.__version__}):
        killer.start()
        spread = verified(folder, function, "local:2", lambda stage, *_: stages.add(stage))
        done.set()
        killer.join()
        read_there = verified(folder, arrays, "local:2")
    alone = verified(folder, function, None)
    assert figures(spread) == figures(alone)
    assert spread.noise[0].samples == 64
    assert figures(read_there) == figures(verified(folder, arrays, None))
    assert "compare on 2 workers" in stages
    assert capfd.readouterr().out == ""
    assert spread.environment["threads"] == "1"


@dataclass(frozen=True)
class Named:
    """A job as far as the check asks."""

    options: VerifyOptions
    samples: tuple[tuple[str, Any], ...] = (("a", {}),)
    starts: bool = False

    def begins(self, _name: str) -> bool:
        return self.starts


def test_what_cannot_be_spread_is_refused_and_sequences_are_not() -> None:
    carried = VerifyOptions(carry={"h_out": "h"})
    with pytest.raises(InputError, match="cannot be spread"):
        check_can_spread(cast("Job", Named(carried)))
    check_can_spread(cast("Job", Named(carried, starts=True)))
    with pytest.raises(InputError, match="one process"):
        check_can_spread(cast("Job", Named(VerifyOptions(device_outputs=(Path("a.npz"),)))))


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_a_script_is_sent_and_another_saved_program_is_refused(tmp_path: Path) -> None:
    module, x = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU()).eval(), torch.ones(1, 4)
    torch.jit.trace(module, (x,)).save(str(tmp_path / "traced.pt"))
    torch.export.save(torch.export.export(module, (x,)), tmp_path / "exported.pt2")
    script, _ = open_source(str(tmp_path / "traced.pt"), None, VerifyOptions(shapes=("input:1,4",)), silent)
    sent = unpacked(spreading._packed(script))
    with torch.no_grad():
        assert torch.equal(sent.module(x)[0], cast("torch.nn.Module", script.module)(x)[0])
    program, _ = open_source(str(tmp_path / "exported.pt2"), None, VerifyOptions(), silent)
    with pytest.raises(ExecutionError, match="cannot be sent") as caught:
        spreading._packed(program)
    assert "module:function" in caught.value.next_step
