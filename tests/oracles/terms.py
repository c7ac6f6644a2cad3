"""`Terms`: an exact result together with the size of the terms that it is the sum of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Place = tuple[int | slice, ...]
"""An index of an array: one position or slice an axis."""


@dataclass(frozen=True)
class Terms:
    """A result whose error is measured in units in the last place of `scale`, where that is larger.

    A sum that cancels cannot be more exact than its largest partial sums; `scale` is the sum of the absolute terms.
    """

    value: np.ndarray
    scale: np.ndarray
