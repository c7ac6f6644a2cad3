"""The table of layers: each type of the specification with the function that turns it into ops, or why none does."""

from __future__ import annotations

from collections.abc import Mapping

from mlparity.engine.neural_network import (
    activation,
    convolution,
    creation,
    elementwise,
    normalization,
    pooling,
    products,
    recurrent,
    reduction,
    reshaping,
    resizing,
    selection,
)
from mlparity.engine.neural_network.layer import Lowering

_FAMILIES = (
    *(activation, convolution, creation, elementwise, normalization, pooling),
    *(products, recurrent, reduction, reshaping, resizing, selection),
)

LOWERINGS: Mapping[str, Lowering] = {name: lower for family in _FAMILIES for name, lower in family.LAYERS.items()}
"""The layers that the engine runs, by their names in the specification."""

CONTROL_FLOW = ("branch", "loop", "loopBreak", "loopContinue")
"""The layers that decide which others run; see `control_flow`."""

REFUSED: Mapping[str, str] = {"custom": "what it computes is in the app that brings it, not in the file"}
"""The layers that the engine does not run, and why."""
