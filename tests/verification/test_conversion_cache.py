"""A conversion that was made before is taken from the cache; one of another graph, weights or options is not."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlparity import api
from mlparity.core.progress import silent
from mlparity.core.words import Precision
from mlparity.record.record import Record
from mlparity.targets.coreml import checked_conversion
from mlparity.targets.table import settings_from
from mlparity.targets.target import Conversion, Request
from mlparity.verification.conversion_cache import ConversionCache, open_cache
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import open_source

NET = """
import torch
from torch import nn
from cached_helper import scaled

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.line = nn.Linear(4, 3)
        self.factor = 2.0
        self.register_buffer("shift", torch.zeros(3))

    def forward(self, x):
        if x.shape[0] > 9:
            return x - 1.0
        return scaled(self.line(x), self.factor) + self.shift

def net():
    return Net().eval()
"""
HELPER = """
import torch

def scaled(x, factor):
    return torch.tanh(x) * factor
"""
SAMPLE = {"x": np.ones((1, 4), np.float32)}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cached_net.py").write_text(NET)
    (tmp_path / "cached_helper.py").write_text(HELPER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MLPARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def base(sample: dict[str, np.ndarray] = SAMPLE) -> str:
    """Return the source's part of the key, the source and what it imports loaded anew."""
    for name in [name for name in sys.modules if name.startswith("cached_")]:
        del sys.modules[name]
    source, _ = open_source("cached_net.py:net", [sample], VerifyOptions(), silent)
    found = open_cache(source, sample)
    assert found is not None
    return found.base


EDITS = {
    "an op": ("cached_net.py", "x.shape[0] > 9", "x.shape[0] > 8"),
    "a number": ("cached_net.py", "self.factor = 2.0", "self.factor = 3.0"),
    "an imported module": ("cached_helper.py", "torch.tanh", "torch.sigmoid"),
    "a branch that is not taken": ("cached_net.py", "x - 1.0", "x - 2.0"),
    "a buffer": ("cached_net.py", "torch.zeros(3)", "torch.ones(3)"),
    "weights": ("cached_net.py", "manual_seed(0)", "manual_seed(1)"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_source_has_another_key(place: Path, edit: str) -> None:
    before = base()
    assert base() == before
    file, old, new = EDITS[edit]
    text = (place / file).read_text()
    assert old in text
    (place / file).write_text(text.replace(old, new))
    assert base() != before


def test_the_graph_alone_tells_an_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a factory takes from elsewhere changes no file."""
    monkeypatch.setattr("mlparity.verification.cache.code_sha256", lambda: "")
    before = base()
    Path("cached_net.py").write_text(NET.replace("self.factor = 2.0", "self.factor = 3.0"))
    assert base() != before
    Path("cached_net.py").write_text(NET.replace("+ self.shift", "- self.shift"))
    assert base() != before
    Path("cached_net.py").write_text(NET)
    assert base() == before


def test_other_values_of_a_sample_have_the_same_key() -> None:
    assert base({"x": SAMPLE["x"] * 3}) == base()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    asked: list[Request] = []
    convert = checked_conversion.convert_request

    def counting(request: Request) -> Conversion:
        asked.append(request)
        return convert(request)

    monkeypatch.setattr(checked_conversion, "convert_request", counting)
    return asked


def verify(out: str, policy: str = "task", **changes: object) -> Record:
    options = VerifyOptions(settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY"]))
    chosen = dataclasses.replace(options, **changes)  # type: ignore[arg-type]
    return api.verify("cached_net.py:net", out, [SAMPLE], policy, chosen)


def test_a_second_verification_converts_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch)
    first = verify("first")
    assert len(asked) == 2
    second = verify("second", policy="consistency")
    assert len(asked) == 2, "another policy changes no conversion"
    assert second.artifacts == first.artifacts
    assert [row.outputs for row in second.settings] == [row.outputs for row in first.settings]
    # Results are their owner's: whatever happens to them, what is kept is as it was, or not used.
    weights = next((place / "second").rglob("*.mlmodel"))
    weights.write_bytes(b"other")
    assert verify("third").artifacts == first.artifacts
    verify("fourth", cache=False)
    assert len(asked) >= 4
    count = len(asked)
    verify("fifth", deployment_target="iOS17")
    assert len(asked) == count + 2


def written(text: str, calls: list[str]) -> Callable[[Request], Conversion]:
    def convert(request: Request) -> Conversion:
        calls.append(text)
        request.path.write_text(text)
        return Conversion("route", ("tried",), {"option": "on"}, 1.5)

    return convert


def request_at(path: Path, precision: Precision = Precision.FP32) -> Request:
    source, _ = open_source("cached_net.py:net", [SAMPLE], VerifyOptions(), silent)
    return Request(source, [SAMPLE], precision, path)


def test_an_entry_that_is_not_whole_is_made_again(place: Path) -> None:
    cache, calls = ConversionCache(place / "cache", "base"), list[str]()
    done = cache.converted("litert", request_at(place / "one.tflite"), written("content", calls))
    assert cache.converted("litert", request_at(place / "two.tflite"), written("content", calls)) == done
    assert (len(calls), (place / "two.tflite").read_text()) == (1, "content")
    (kept,) = (place / "cache").glob("*/artifact.tflite")
    kept.unlink()
    kept.write_text("torn")
    cache.converted("litert", request_at(place / "three.tflite"), written("content", calls))
    assert (len(calls), (place / "three.tflite").read_text()) == (2, "content")
    next((place / "cache").glob("*/entry.json")).write_text("{")
    cache.converted("litert", request_at(place / "four.tflite"), written("content", calls))
    assert (len(calls), (place / "four.tflite").read_text()) == (3, "content")


def test_the_entries_that_were_not_used_for_longest_go_first(place: Path) -> None:
    calls: list[str] = []
    cache = ConversionCache(place / "cache", "base", most_bytes=2500)
    for number, precision in enumerate((Precision.FP32, Precision.FP16, Precision.NEURAL_NETWORK)):
        cache.converted("litert", request_at(place / f"{number}.tflite", precision), written("x" * 1000, calls))
        for entry in (place / "cache").glob("*/entry.json"):
            os.utime(entry, (entry.stat().st_atime, entry.stat().st_mtime - 10))
    assert len(list((place / "cache").iterdir())) == 2
    cache.converted("litert", request_at(place / "again.tflite", Precision.FP16), written("x" * 1000, calls))
    assert len(calls) == 3
    cache.converted("litert", request_at(place / "gone.tflite", Precision.FP32), written("x" * 1000, calls))
    assert len(calls) == 4


def test_a_folder_that_cannot_be_written_costs_the_cache_alone(place: Path) -> None:
    (place / "cache").write_text("a file")
    calls: list[str] = []
    cache = ConversionCache(place / "cache", "base")
    for name in ("one.tflite", "two.tflite"):
        cache.converted("litert", request_at(place / name), written("content", calls))
    assert len(calls) == 2


def test_two_runs_at_once_disturb_neither(place: Path) -> None:
    cache, failures = ConversionCache(place / "cache", "base", most_bytes=10), list[BaseException]()
    requests = [request_at(place / f"{number}.tflite") for number in range(40)]

    def work(mine: list[Request]) -> None:
        try:
            for request in mine:
                cache.converted("litert", request, written("content", []))
                assert request.path.read_text() == "content"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(requests[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_command_line_takes_what_another_process_kept(place: Path) -> None:
    command = [sys.executable, "-m", "mlparity", "verify", "cached_net.py:net", "--shape", "x:1,4", "--limit", "1"]
    command += ["--setting", "fp32/CPU_ONLY"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(api.__file__).parents[2]), *sys.path])}
    for out, option in (("one", "--cache"), ("two", "--cache")):
        done = subprocess.run(
            [*command, "--out", out, option], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode in (0, 1), done.stderr
    records = [(place / out / "record.json").read_text() for out in ("one", "two")]
    seconds = [text[text.index('"artifacts"') :].split('"seconds": ')[1].split("\n")[0] for text in records]
    assert seconds[0] == seconds[1], "the time of the one conversion that was made"
