"""The corpus, and the making of its artifacts: `python -m tests.faults.corpus FOLDER`."""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import sys
import warnings
from pathlib import Path

from tests.faults.fault import Fault


def corpus() -> tuple[Fault, ...]:
    """Return every fault, the healthy models last."""
    from tests.faults.around import HEALTHY, MODES, PREPROCESSED, ROUNDED
    from tests.faults.converting import COMPRESSED, LATER, PLANTED, REAL
    from tests.faults.overflowing import FAULTS

    return (*FAULTS, *REAL, *LATER, *PLANTED, *COMPRESSED, *PREPROCESSED, *MODES, *ROUNDED, *HEALTHY)


def newer() -> tuple[Fault, ...]:
    """Return the faults of other targets, images, masks, branches, writes, orders and weights, and their controls."""
    from tests.faults import attending, branching, checkpoints, elsewhere, further, pixels, several, strangers, writing

    faults = (
        *(*elsewhere.REAL, *elsewhere.PLANTED, *pixels.PIXELS, *attending.MASKS, *branching.BRANCHES),
        *(*branching.ORDERS, *writing.WRITES, *checkpoints.WEIGHTS_OF_OTHERS, *further.FURTHER),
        *(*several.SEVERAL, *strangers.STRANGERS),
    )
    controls = (elsewhere, pixels, attending, branching, writing, further)
    return (*faults, *(each for module in controls for each in module.HEALTHY))


def make(folder: Path) -> None:
    """Write every artifact. A process of its own keeps coremltools as it is: conversions by mlparity correct it."""
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    faults = (*corpus(), *newer())
    gc.freeze()  # coremltools collects garbage in each conversion: not through all that was imported
    gc.disable()  # exporters make millions of small objects
    for number, each in enumerate(faults):
        with contextlib.redirect_stderr(io.StringIO()):
            each.make(each.source(), each.samples()[0], folder / f"{each.name}{each.suffix}")
        if number % _COLLECTED == 0:
            gc.collect()


_COLLECTED = 20


if __name__ == "__main__":
    make(Path(sys.argv[1]))
