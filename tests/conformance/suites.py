"""Which of coremltools' tests run, and the process that runs one part of them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.results import Part

FINISHED = (0, 1, 5)
"""pytest's exit codes of a run that reached its end: all passed, some failed, nothing to run."""

_PACKAGES = Path(__file__).parents[2] / "build" / "conformance" / "packages"
_PLUGINS = ("tests.conformance.apple", "tests.conformance.recording", "no:cacheprovider")
_ASYNC = "pytest_asyncio.plugin"
"""What the tests of the debugger and the comparator need; without it these fail, and the others run."""


_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(_PACKAGES)])),
}


def coremltools_home() -> Path:
    """Return the folder of the installed coremltools."""
    spec = importlib.util.find_spec("coremltools")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def start(part: Part, suites: Sequence[str]) -> subprocess.Popen[bytes]:
    """Return a new process that runs what is left of `part` and records it; what it prints goes to a log beside."""
    home = coremltools_home()
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", f"--rootdir={home}", "-q", "-W", "ignore"]
    command += ["--tb=short", "--continue-on-collection-errors", "--no-header", "--no-summary"]
    plugins = (*_PLUGINS, _ASYNC) if (_PACKAGES / _ASYNC.split(".")[0]).is_dir() else _PLUGINS
    command += [word for plugin in plugins for word in ("-p", plugin)]
    part.file().touch()
    with part.file().with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [*command, *(str(home / suite) for suite in suites)],
            env=os.environ | _ENVIRONMENT | {"CONFORMANCE_PART": str(part)},
            cwd=Path(__file__).parents[2],
            stdout=log,
            stderr=log,
        )
