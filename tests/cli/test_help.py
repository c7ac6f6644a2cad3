"""Each help text fits a terminal of 80 columns: no name of an option is cut off."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

COMMANDS = (
    *((name,) for name in ("verify", "locate", "tune", "run", "inspect", "compare")),
    ("record", "show"),
    ("record", "check"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_name_is_cut_off(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mlparity", *command, "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "--help" in re.findall(r"--[a-z-]+", done.stdout)
