"""Whatever the user's own code does, exit codes 0, 1 and 3 come with a completed result alone."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mlparity.api import verify
from mlparity.cli.app import app
from mlparity.core.errors import InputError, MlparityError, SourceError

ENDINGS = {
    "sys.exit(0)": 2,
    "sys.exit(1)": 2,
    "sys.exit('done')": 2,
    "raise SystemExit": 2,
    "raise GeneratorExit": 2,
    "raise Own('mine')": 2,
    "raise ValueError('x' * 3_000_000)": 2,
    "raise MemoryError": 2,
    "endless()": 2,
    "raise KeyboardInterrupt": 130,
}
HEAD = """
import os, sys
import numpy as np
import torch

class Own(BaseException):
    pass

def endless():
    endless()
"""
HOOKS = {
    "import": "{ending}",
    "factory": """
def net():
    {ending}
""",
    "signature": """
class Net(torch.nn.Module):
    @property
    def forward(self):
        {ending}

def net():
    return Net().eval()
""",
    "forward": """
class Net(torch.nn.Module):
    def forward(self, input):
        {ending}

def net():
    return Net().eval()
""",
    "samples": """
def samples():
    {ending}
""",
    "iteration": """
def samples():
    yield {{"input": np.zeros((1, 4), np.float32)}}
    {ending}
""",
    "sample": """
class Arrays(dict):
    def values(self):
        {ending}

def samples():
    yield Arrays(input=np.zeros((1, 4), np.float32))
""",
    "preprocess": """
def preprocess(picture):
    {ending}
""",
    "metric": """
def metric(source, artifact):
    {ending}
""",
    "number": """
class Number:
    def __array__(self, *arguments, **options):
        {ending}

def metric(source, artifact):
    return Number()
""",
}
GOOD = """
def net():
    return torch.nn.Linear(4, 2).eval()

def samples():
    yield {"input": np.zeros((1, 4), np.float32)}

def preprocess(picture):
    return np.zeros((1, 4), np.float32)

def metric(source, artifact):
    return 0.0
"""


def command_of(folder: Path, hook: str, ending: str) -> list[str]:
    """Write the user's code into `folder` and return the command that comes to the hook soonest."""
    (folder / "hooks.py").write_text(f"{HEAD}\n{GOOD}\n{HOOKS[hook].format(ending=ending)}\n")
    if hook in ("metric", "number"):
        np.savez(folder / "outputs.npz", y=np.zeros(3, np.float32))
        (folder / "policy.toml").write_text("metrics.own = {function = 'hooks.py:metric', mean.at_most = 1}\n")
        return ["compare", "outputs.npz", "outputs.npz", "--policy", "policy.toml"]
    (folder / "pictures").mkdir()
    Image.new("RGB", (2, 2)).save(folder / "pictures" / "one.png")
    inputs = ["pictures", "--preprocess", "hooks.py:preprocess"] if hook == "preprocess" else ["hooks.py:samples"]
    return ["verify", "hooks.py:net", "--out", "out", "--inputs", *inputs]


@pytest.mark.parametrize(("hook", "ending"), list(itertools.product(HOOKS, ENDINGS)))
def test_an_ending_in_a_hook_is_no_verdict(
    hook: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = command_of(tmp_path, hook, ending)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == ENDINGS[ending], (result.output, result.exception)
    assert not (tmp_path / "out").exists()
    assert len(result.output) < 20_000
    if ENDINGS[ending] == 2:
        assert "hooks.py" in result.output
        assert "error: " in result.output
        assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("hook", "error"), [("factory", SourceError), ("samples", InputError), ("forward", SourceError)]
)
def test_python_gets_a_typed_error(
    hook: str, error: type[MlparityError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_of(tmp_path, hook, "sys.exit(0)")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match="SystemExit: 0"):
        verify("hooks.py:net", tmp_path / "out", "hooks.py:samples")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlparity", *command], cwd=folder, capture_output=True, text=True, check=False
    )


PROCESS_ENDINGS = {
    "os._exit(0)": (2, "exit code 0 before there was a result"),
    "os.execv('/bin/true', ['true'])": (2, "exit code 0 before there was a result"),
    "os.abort()": (70, "SIGABRT"),
    "import ctypes; ctypes.string_at(0)": (70, "SIGSEGV"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="processes are watched on POSIX")
@pytest.mark.parametrize("ending", PROCESS_ENDINGS)
def test_the_end_of_the_process_is_no_verdict(ending: str, tmp_path: Path) -> None:
    code, text = PROCESS_ENDINGS[ending]
    done = run(tmp_path, *command_of(tmp_path, "metric", ending))
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are watched on POSIX")
@pytest.mark.parametrize("hook", ["import", "forward"])
def test_the_end_of_the_process_in_a_verification_is_no_verdict(hook: str, tmp_path: Path) -> None:
    done = run(tmp_path, *command_of(tmp_path, hook, "os._exit(0)"))
    assert done.returncode == 2, done.stderr
    assert "exit code 0 before there was a result" in done.stderr
    assert not (tmp_path / "out").exists()


# What a metric does, and still gives 5.0 where at most 1 is allowed: the verdict is fail, and stays so.
MEDDLING = {
    "exits at the end": "import atexit; atexit.register(sys.exit, 0); atexit.register(lambda: os._exit(0))",
    "a thread without an end": "import threading, time; threading.Thread(target=time.sleep, args=(3600,)).start()",
    "standard streams closed": "os.close(0); os.close(1); os.close(2); sys.stdout.close()",
    "a forged verdict, and a flood": """
    for _ in range(2000):
        print("pass" * 1000)
    os.write(1, b"pass")
    sys.stdout = sys.stderr = None
""",
    "the process changed": """
    import signal
    for each in (2, 15):
        signal.signal(each, signal.SIG_IGN)
    os.chdir("/")
    os.fork() or sys.exit(0)
    sys.exit = os._exit = print = lambda *_: None
""",
}


@pytest.mark.skipif(sys.platform == "win32", reason="processes are watched on POSIX")
@pytest.mark.parametrize("meddling", MEDDLING)
def test_a_verdict_outlives_what_code_does_to_the_process(meddling: str, tmp_path: Path) -> None:
    done = run(tmp_path, *command_of(tmp_path, "metric", f"{MEDDLING[meddling]}\n    return 5.0"))
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1] == "Verdict: fail"
    assert "pass" not in done.stdout
