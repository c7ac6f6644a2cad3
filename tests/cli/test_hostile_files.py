"""Every argument that names a file, against what may lie there instead: an error with exit code 2, and no waiting."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mlparity.cli.app import app
from mlparity.cli.ending import BAD_INPUT
from mlparity.core.regular_files import NotRegularError, open_regular

HANGS_AFTER_S = 60

SOURCE = """
import numpy as np
import torch

def net():
    return torch.nn.Linear(4, 2).eval()

def samples():
    yield {"input": np.ones((1, 4), np.float32)}
"""

VERIFY = ("verify", "good.py:net", "--inputs", "good.py:samples", "--out", "out")

# A command, in which BAD stands for what lies there instead of a file of this ending.
COMMANDS: dict[str, tuple[str, ...]] = {
    "source .py": ("verify", "BAD.py:net", "--out", "out"),
    "source .pt2": ("verify", "BAD.pt2", "--out", "out"),
    "source .pt": ("locate", "good.mlpackage", "--source", "BAD.pt"),
    "source of tune": ("tune", "BAD.ts", "--out", "out"),
    "samples .py": ("verify", "good.py:net", "--inputs", "BAD.py:samples", "--out", "out"),
    "samples .npy": ("verify", "good.py:net", "--inputs", "BAD.npy", "--out", "out"),
    "samples .npz": ("verify", "good.py:net", "--inputs", "BAD.npz", "--out", "out"),
    "samples .safetensors": ("verify", "good.py:net", "--inputs", "BAD.safetensors", "--out", "out"),
    "picture": ("verify", "good.py:net", "--inputs", "BAD.png", "--preprocess", "imagenet", "--out", "out"),
    "preprocessing": ("verify", "good.py:net", "--inputs", "good.png", "--preprocess", "BAD.toml", "--out", "out"),
    "policy of verify": (*VERIFY, "--policy", "BAD.toml"),
    "policy of compare": ("compare", "good.npz", "good.npz", "--policy", "BAD.toml"),
    "compute plan": (*VERIFY, "--compute-plan", "BAD.json"),
    "artifact .mlpackage": (*VERIFY, "--artifact", "BAD.mlpackage"),
    "artifact .onnx": ("run", "BAD.onnx", "--inputs", "good.py:samples", "--out", "out.npz"),
    "artifact .tflite": ("inspect", "BAD.tflite"),
    "artifact .aimodel": ("inspect", "BAD.aimodel"),
    "artifact of inspect": ("inspect", "BAD.mlpackage"),
    "artifact of placement": ("inspect", "BAD.mlpackage", "--placement"),
    "artifact of locate": ("locate", "BAD.mlpackage", "--inputs", "good.py:samples"),
    "outputs of compare": ("compare", "good.npz", "BAD.npz"),
    "record": ("record", "show", "BAD.json"),
    "texts beside an artifact": ("record", "check", "good.tflite", "--record", "BAD.json"),
    "artifact of check": ("record", "check", "BAD.mlpackage"),
    "script": ("exec", "BAD.py"),
}


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**41)


def _linked_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


def _unreadable(path: Path) -> None:
    path.write_bytes(b"")
    path.chmod(0)


KINDS: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "link to a FIFO": _linked_fifo,
    "link to nothing": lambda path: path.symlink_to("none"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "huge file": _huge,
    "truncated file": lambda path: path.write_bytes(b"PK\x03\x04("),
    "unreadable file": _unreadable,
    "folder": lambda path: path.mkdir(),
}


WAITED: list[bool] = []


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Path("good.py").write_text(SOURCE)
    np.savez("good.npz", y=np.ones(3, np.float32))
    Image.new("RGB", (8, 8)).save("good.png")
    Path("good.tflite").write_bytes(b"model")
    Path("good.tflite.mlparity.json").write_text('{"com.mlparity.verdict": "pass"}')
    WAITED.clear()
    signal.signal(signal.SIGALRM, _hangs)
    yield tmp_path
    signal.alarm(0)
    assert not WAITED  # the error itself may have been caught on its way


def _hangs(*_: object) -> None:
    WAITED.append(True)
    raise AssertionError(f"still waiting after {HANGS_AFTER_S} s")


@pytest.mark.parametrize("kind", KINDS)
def test_no_argument_takes_what_is_no_file(kind: str, place: Path) -> None:
    wrong = []
    for name, command in COMMANDS.items():
        if name == "script" and kind in ("truncated file", "unreadable file"):
            continue  # it is the script's own end then: Python says what is wrong
        bad = next(part for part in command if "BAD" in part).partition(":")[0]
        KINDS[kind](place / bad)
        signal.alarm(HANGS_AFTER_S)
        before = sorted(each.name for each in place.iterdir())
        ended = CliRunner().invoke(app, list(command))
        is_typed = ended.exit_code == BAD_INPUT and "Traceback" not in ended.output
        left = sorted({each.name for each in place.iterdir() if each.name != "__pycache__"} ^ set(before))
        if not is_typed or left not in ([], ["__pycache__"]):
            wrong.append((name, ended.exit_code, repr(ended.exception), ended.output[-300:], left))
        for each in (place / bad, place / "fifo"):
            if each.is_dir() and not each.is_symlink():
                each.rmdir()
            else:
                each.unlink(missing_ok=True)
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such devices")
@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/tty"])
def test_no_device_is_opened(device: str) -> None:
    if not Path(device).exists():
        return
    assert stat.S_ISCHR(Path(device).stat().st_mode)
    with pytest.raises(NotRegularError):
        open_regular(Path(device))
