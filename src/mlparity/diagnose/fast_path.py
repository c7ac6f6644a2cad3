"""PyTorch's fast path: a source that it computes in two ways, which differ."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mlparity.diagnose.distance import Tensors, distance, scale_of
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation

_APART = 1e-4
"""From what distance on two ways of computing a source are taken to differ, of its scale (assumed: rounding does less).
"""


def fast_path(found: Tensors, expected: Tensors, plain: Tensors, floor: float, layers: Sequence[str]) -> Cause | None:
    """Return the cause where the fast path differs from the layers op by op, and an artifact has not its values there.

    `expected` are the source's outputs, `plain` those without its fast path.
    """
    apart = distance(plain, expected)
    if apart <= max(_APART, 4 * floor) or not any(_is_elsewhere(found, expected, plain, name) for name in expected):
        return None
    evidence = Evidence(Observation.FAST_PATH, {"difference": apart}, {"layers": ", ".join(layers)})
    return Cause(CauseKind.SOURCE, (evidence,))


def _is_elsewhere(found: Tensors, expected: Tensors, plain: Tensors, name: str) -> bool:
    """Tell whether most of an artifact's values are not the fast path's where that differs."""
    sides = [side.get(name) for side in (found, expected, plain)]
    if any(side is None or side.numel() != sides[1].numel() for side in sides if sides[1] is not None):
        return False
    ours, fast, slow = (side.detach().double().reshape(-1) for side in sides if side is not None)
    near = _APART * scale_of(slow)
    differs = ~torch.isclose(fast, slow, rtol=0, atol=near, equal_nan=True)
    if not bool(differs.any()):
        return False
    same = torch.isclose(ours[differs], fast[differs], rtol=0, atol=near, equal_nan=True)
    return bool(same.double().mean() < 0.5)
