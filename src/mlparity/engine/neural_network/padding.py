"""How convolutions, pools and pads of a network say what goes around an image, in the terms of MIL's ops."""

from __future__ import annotations

from typing import Any

from mlparity.engine.neural_network.layer import Layer

Padding = dict[str, Any]
"""The inputs `pad_type` and `pad` of a MIL op, and `ceil_mode` of a pool."""

_SAME = ("same", "same_lower")


def borders(layer: Layer, message: Any) -> tuple[int, int, int, int]:
    """Return the amounts at top, bottom, left and right of a `BorderAmounts` message, 0 where it has none.

    Raises:
        FormatError: amounts for another number of axes.
    """
    edges = message.borderAmounts
    if len(edges) not in (0, 2):
        raise layer.builder.fault(f"borders for {len(edges)} axes", expected="height and width")
    amounts = [int(size) for each in edges for size in (each.startEdgeSize, each.endEdgeSize)] or [0, 0, 0, 0]
    return amounts[0], amounts[1], amounts[2], amounts[3]


def padding_of(layer: Layer, kind: str | None) -> Padding:
    """Return the padding of a convolution or a pool; `kind` is the one of its messages that is set."""
    if kind == "same":
        return {"pad_type": _SAME[layer.params.same.asymmetryMode]}
    if kind == "includeLastPixel":
        height, width = layer.pair(layer.params.includeLastPixel.paddingAmounts, 0)
        return {"pad_type": "custom", "pad": (height, height, width, width), "ceil_mode": True}
    amounts = borders(layer, layer.params.valid.paddingAmounts)
    return {"pad_type": "custom", "pad": amounts} if any(amounts) else {"pad_type": "valid"}


def padding_of_volume(params: Any) -> Padding:
    """Return the padding of a convolution or a pool over three spatial axes."""
    kind = params.paddingType
    if kind == 1:
        return {"pad_type": "valid"}
    if kind == 2:
        return {"pad_type": "same"}
    sides = ("Front", "Back", "Top", "Bottom", "Left", "Right")
    return {"pad_type": "custom", "pad": tuple(getattr(params, f"customPadding{side}") for side in sides)}
