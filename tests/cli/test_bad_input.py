"""Bad input ends with a typed error, exit code 2, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlparity.cli.app import app
from tests.engine.mil.packages import sample, write_package

SOURCES = """
import torch
from tests.engine.mil.packages import SmallNet

def good():
    return SmallNet().eval()

def training():
    return SmallNet().train()

def raises():
    raise ValueError("no weights today")

def number():
    return 3

class Noisy(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3)) + torch.rand(1, 3)

def noisy():
    return Noisy().eval()

class Slow(SmallNet):
    def forward(self, x):
        import time
        if not torch.jit.is_tracing():
            time.sleep(0.2)
        return super().forward(x)

def slow():
    return Slow().eval()
"""


@dataclass(frozen=True)
class Place:
    """A folder with a source, good samples and a good package."""

    folder: Path
    package: Path

    @property
    def source(self) -> str:
        return str(self.folder / "sources.py")

    @property
    def out(self) -> Path:
        return self.folder / "results" / "out"

    def command(self, factory: str = "good", inputs: str = "good.npy", artifact: Path | None = None) -> list[str]:
        given = self.package if artifact is None else artifact
        return [
            *("verify", f"{self.source}:{factory}", "--out", str(self.out), "--inputs", str(self.folder / inputs)),
            *("--artifact", str(given), "--setting", "fp32/CPU_ONLY"),
        ]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("packages"), "fp32")


@pytest.fixture
def place(package: Path, tmp_path: Path) -> Place:
    (tmp_path / "sources.py").write_text(SOURCES)
    (tmp_path / "results").mkdir()
    np.save(tmp_path / "good.npy", sample())
    return Place(tmp_path, Path(shutil.copytree(package, tmp_path / package.name)))


def test_good_input_passes(place: Place) -> None:
    result = CliRunner().invoke(app, place.command())
    assert result.exit_code == 0, result.output
    assert (place.out / "record.json").is_file()


def _save(name: str, array: np.ndarray) -> Callable[[Place], list[str]]:
    def prepare(place: Place) -> list[str]:
        np.save(place.folder / name, array)
        return place.command(inputs=name)

    return prepare


def _with_nan() -> np.ndarray:
    array = sample().copy()
    array[0, 1, 2, 3] = np.nan
    return array


def _wrong_name(place: Place) -> list[str]:
    np.savez(place.folder / "named.npz", y=sample())
    return place.command(inputs="named.npz")


def _empty_folder(place: Place) -> list[str]:
    (place.folder / "empty").mkdir()
    return place.command(inputs="empty")


def _broken_image(place: Place) -> list[str]:
    (place.folder / "photos").mkdir()
    (place.folder / "photos" / "cat.png").write_bytes(b"\x89PNG and no more")
    return [*place.command(inputs="photos"), "--preprocess", "imagenet"]


def _no_package(place: Place) -> list[str]:
    (place.folder / "empty.mlpackage").mkdir()
    return place.command(artifact=place.folder / "empty.mlpackage")


def _truncated(place: Place) -> list[str]:
    weights = place.package / "Data/com.apple.CoreML/weights/weight.bin"
    weights.write_bytes(weights.read_bytes()[:100])
    return ["inspect", str(place.package)]


def _taken_out(place: Place) -> list[str]:
    place.out.mkdir(parents=True)
    (place.out / "thesis.txt").write_text("mine")
    return place.command()


def _bad_policy(place: Place) -> list[str]:
    (place.folder / "policy.toml").write_text("[limits.max_abz]\nat_most = 1.0\n")
    return [*place.command(), "--policy", str(place.folder / "policy.toml")]


def _bad_metric(place: Place) -> list[str]:
    (place.folder / "policy.toml").write_text("metrics.lost = {function = 'nowhere.py:lost', mean.at_most = 1}\n")
    return [*place.command(), "--policy", str(place.folder / "policy.toml")]


BAD: dict[str, tuple[Callable[[Place], list[str]], tuple[str, ...]]] = {
    "missing samples": (lambda p: p.command(inputs="nowhere"), ("nowhere",)),
    "missing artifact": (lambda p: p.command(artifact=p.folder / "no.mlpackage"), ("no.mlpackage", "no such artifact")),
    "not a package": (_no_package, ("empty.mlpackage", "no Manifest.json")),
    "truncated weights": (_truncated, ("weight.bin", "expected")),
    "missing source file": (lambda p: ["verify", "no.py:f", "--out", str(p.out)], ("no.py",)),
    "missing factory": (lambda p: p.command("nothing"), ("nothing", "sources.py")),
    "a factory that raises": (lambda p: p.command("raises"), ("ValueError", "no weights today", "sources.py")),
    "a factory of no module": (lambda p: p.command("number"), ("int",)),
    "training mode": (lambda p: p.command("training"), ("training mode", "eval")),
    "changing outputs": (lambda p: p.command("noisy"), ("other outputs", "dropout")),
    "no samples at all": (
        lambda p: ["verify", f"{p.source}:good", "--out", str(p.out)],
        ("no samples", "--inputs"),
    ),
    "wrong name": (_wrong_name, ("y", "x")),
    "wrong shape": (_save("bad.npy", np.zeros((1, 3, 16, 15), np.float32)), ("15",)),
    "wrong rank": (_save("bad.npy", np.zeros((3, 16), np.float32)), ("16",)),
    "wrong type": (_save("bad.npy", np.array([["a"]])), ("bad.npy",)),
    "NaN": (_save("bad.npy", _with_nan()), ("bad.npy", "x")),
    "empty folder": (_empty_folder, ("empty",)),
    "unreadable image": (_broken_image, ("cat.png",)),
    "unknown setting": (lambda p: [*p.command(), "--setting", "fp8/ALL"], ("fp8/ALL", "fp16/ALL")),
    "unknown policy": (lambda p: [*p.command(), "--policy", "nope"], ("nope",)),
    "a policy with an unknown metric": (_bad_policy, ("max_abz", "max_abs")),
    "a metric that is not there": (_bad_metric, ("metrics.lost", "nowhere.py")),
    "an output folder in use": (_taken_out, ("something else",)),
    "a carry of unknown names": (lambda p: [*p.command(), "--carry", "a=b"], ("a", "b")),
    "a carry of another form": (lambda p: [*p.command(), "--carry", "ab"], ("ab",)),
    "inspecting nothing": (lambda _: ["inspect"], ("artifact",)),
    "a record that is none": (lambda p: ["record", "show", str(p.folder)], ("record",)),
    "comparing nothing": (lambda _: ["compare", "a.npz", "b.npz"], ("a.npz",)),
    "comparing an artifact without inputs": (
        lambda _: ["compare", "a.npz", "b.aimodel"],
        ("b.aimodel", "no inputs", "--inputs"),
    ),
    "comparing saved outputs on inputs": (
        lambda _: ["compare", "a.npz", "b.npz", "--inputs", "x.npz"],
        ("x.npz", "leave --inputs out"),
    ),
    "comparing an artifact that is not there": (
        lambda p: ["compare", "no.tflite", "no.aimodel", "--inputs", str(p.folder / "good.npy")],
        ("no.tflite", "no such artifact"),
    ),
    "executing nothing": (lambda _: ["exec", "no.py"], ("no.py",)),
    "a missing Core AI model": (
        lambda p: ["run", "no.aimodel", "--inputs", str(p.folder / "good.npy"), "--out", str(p.out) + ".npz"],
        ("no.aimodel", "no such artifact"),
    ),
    "inspecting no Core AI model": (lambda p: ["inspect", str(p.folder / "no.aimodel")], ("no.aimodel",)),
    "a time limit of nothing": (lambda p: [*p.command(), "--time-limit", "0"], ("no time limit", "more than 0 s")),
    "an unknown option": (lambda _: ["verify", "--nope"], ("nope",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_explained_and_leaves_nothing(place: Place, name: str) -> None:
    prepare, texts = BAD[name]
    command = prepare(place)
    before = sorted((place.folder / "results").rglob("*"))
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2, (result.output, result.exception)
    for text in texts:
        assert text in result.output
    assert sorted((place.folder / "results").rglob("*")) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 KiB, which no package of two conversions fits into."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.name != "posix" or shutil.which("mount") is None, reason="needs mount")
def test_a_full_disk_is_an_error_and_leaves_nothing(place: Place, small_disk: Path) -> None:
    command = place.command()
    command[command.index("--out") + 1] = str(small_disk / "out")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2, (result.output, result.exception)
    assert "could not be written" in result.output or "cannot be written" in result.output
    assert list(small_disk.iterdir()) == []


# A process in a script's background inherits an ignored SIGINT; a user's terminal does not ignore it. It is set in the
# child's own code: a hook between fork and exec would make libraries with threads warn of the fork.
AS_IN_A_TERMINAL = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from mlparity.__main__ import main
sys.exit(main())
"""


def test_an_interrupt_leaves_nothing(place: Place) -> None:
    command = place.command("slow", "slow_samples")
    (place.folder / "slow_samples").mkdir()
    for number in range(100):
        np.save(place.folder / "slow_samples" / f"{number:03}.npy", sample())
    running = subprocess.Popen(
        [sys.executable, "-c", AS_IN_A_TERMINAL, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("compare"):
            break
    time.sleep(0.5)
    assert list(place.out.parent.iterdir()), "the work has begun"
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130, error
    assert "interrupted" in error
    assert "Traceback" not in error
    assert list(place.out.parent.iterdir()) == []
