"""`mlparity doctor` as a user calls it."""

from __future__ import annotations

import subprocess
import sys

from mlparity import __version__


def test_it_says_what_is_installed_and_what_can_be_done() -> None:
    command = [sys.executable, "-m", "mlparity", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"mlparity {__version__}, Python ")
    assert any([*line.split()[:1], *line.split()[-1:]] == ["torch", "ok"] for line in done.stdout.splitlines())
    assert "litert/fp32" in done.stdout
