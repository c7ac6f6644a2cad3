"""`verify_conversions`: what other code converts, verified as it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlparity.core.progress import Progress, silent
from mlparity.record.policy import Policy
from mlparity.verification.conversions import Conversions, Verified, watched_conversions
from mlparity.verification.sources import Inputs

__all__ = ["Conversions", "Verified", "verify_conversions"]


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
