"""MIL's `classify`: a classifier's label and its table of probabilities.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/classify.py`.
"""

from __future__ import annotations

from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("classify", rounding=Rounding.NONE)
def classify(
    probabilities: Tensor, classes: tuple[str, ...] | tuple[int, ...]
) -> tuple[str | int, dict[str | int, float]]:
    """Return the label of the greatest probability, the first of equals, and the probability of every label.

    Raises: ValueError if there is not one label for each probability.
    """
    flat = probabilities.reshape(-1)
    if len(classes) != flat.numel() or not classes:
        raise ValueError(f"{len(classes)} labels for {flat.numel()} probabilities")
    return classes[int(flat.argmax())], dict(zip(classes, flat.tolist(), strict=True))
