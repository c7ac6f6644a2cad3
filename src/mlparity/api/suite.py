"""`verify_suite`: many models in one call."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.record.suite import SuiteEntry
from mlparity.verification.suite import run_suite


@typed_errors
def verify_suite(file: str | Path, out: str | Path, progress: Progress = silent) -> tuple[SuiteEntry, ...]:
    """Verify the models of a TOML file, each into a folder of `out` with its name, and write one index for all.

    A model that cannot be verified is an entry with the reason. One whose graph, weights, code, samples, policy,
    options and versions are those of the run before, and whose results are still there, is not run again.

    Raises:
        MlparityError: the file cannot be read, or `out` not be written.
    """
    return run_suite(Path(file), Path(out), progress)
