"""`verify`, of one model, of many, and of what other code converts: is it faithful, on which units, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.record.suite import SuiteEntry
from mlparity.verification.conversions import Conversions, Verified, watched_conversions
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs
from mlparity.verification.suite import run_suite
from mlparity.verification.verify import run_verification

__all__ = ["Conversions", "Verified", "verify", "verify_conversions", "verify_suite"]


@typed_errors
def verify(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs = None,
    policy: str | Policy = "consistency",
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> Record:
    """Convert a PyTorch model, compare every setting with it, and write record, report and artifacts into `out`.

    `source` is a module or a name: `package.module:factory`, `file.py:factory`, or a .pt2 or TorchScript file. `inputs`
    is a folder, a file, a `module:function` generator, a `SampleSet`, or a list of samples, each of which maps input
    names to arrays, or is a list of such steps, over which a state is carried. Without `inputs`, random ones are drawn.
    `policy` says which differences are acceptable.

    A long verification keeps its progress in the folder `OUT.resume`; the same call continues from it.

    Raises:
        MlparityError: bad input, a source that cannot be run, or no space to write; nothing else is left behind.
    """
    return run_verification(source, out, inputs, policy, VerifyOptions() if options is None else options, progress)


@typed_errors
def verify_suite(
    file: str | Path, out: str | Path, progress: Progress = silent, ray: str | None = None
) -> tuple[SuiteEntry, ...]:
    """Verify the models of a TOML file, each into a folder of `out` with its name, and write one index for all.

    A model that cannot be verified is an entry with the reason. One whose graph, weights, code, samples, policy,
    options and versions are those of the run before, and whose results are still there, is not run again.
    With `ray`, as `VerifyOptions` has it, workers take whole models of up to 32 samples, and blocks of the others.

    Raises:
        MlparityError: the file cannot be read, or `out` not be written.
    """
    return run_suite(Path(file), Path(out), progress, ray)


@contextmanager
def verify_conversions(
    out: str | Path, inputs: Inputs = None, policy: str | Policy = "consistency", progress: Progress = silent
) -> Iterator[Conversions]:
    """Verify every conversion by coremltools or litert-torch that is made while the block runs, and yield what is seen.

    What comes out is compared with the module that went in, on `inputs`, or on the arguments that the module was traced
    with. Each conversion has a folder of its own in `out`. The code that converts is not changed and sees no error of
    mlparity's; what could not be verified is told with its reason. Afterwards `verdict` speaks for all.
    """
    with watched_conversions(Path(out), inputs, policy, progress) as found:
        yield found
