"""Flexible dimensions as `torch.export` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.export import Dim

from mlparity.core.lengths import Flexible


def dynamic_shapes(names: Sequence[str], flexible: Flexible) -> dict[str, dict[int, Any] | None] | None:
    """Return by input name its flexible axes, each with its dimension; None where there is none."""
    if not flexible:
        return None
    known: dict[str, Any] = {}
    shapes: dict[str, dict[int, Any] | None] = dict.fromkeys(names)
    for name, dims in flexible.items():
        symbols = {axis: dim.symbol_of(name, axis) for axis, dim in dims.items()}
        shapes[name] = {
            axis: known.setdefault(symbols[axis], Dim(symbols[axis], min=dim.lower, max=dim.upper))
            for axis, dim in dims.items()
        }
    return shapes
