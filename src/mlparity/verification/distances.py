"""How far outputs are from those of a reference, as one number."""

from __future__ import annotations

import numpy as np
import torch

from mlparity.compare.align import align
from mlparity.core.session import Outputs
from mlparity.diagnose.distance import distance


def apart(found: Outputs, expected: Outputs) -> float:
    """Return the distance of outputs that are paired by their names, or by their order.

    As `mlparity.diagnose.distance.distance` says; an output without a pair adds nothing.
    """
    pairs = align(expected, found).pairs
    ours = {name: torch.from_numpy(np.ascontiguousarray(found[other])) for name, other in pairs}
    theirs = {name: torch.from_numpy(np.ascontiguousarray(expected[name])) for name, _ in pairs}
    return distance(ours, theirs)
