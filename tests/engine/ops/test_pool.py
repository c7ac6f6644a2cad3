"""Averages in ceil mode are Core ML's, as it was measured, and not PyTorch's."""

from __future__ import annotations

import numpy as np
import torch

from mlparity.engine.ops.pool import avg_pool

PLANE = torch.arange(49.0).reshape(1, 1, 7, 7)


def test_what_hangs_over_the_edge_counts_as_in_core_ml() -> None:
    """Source: https://github.com/apple/coremltools/pull/2844."""
    found = avg_pool(PLANE, (2, 2), "valid", (3, 3), ceil_mode=True)
    np.testing.assert_array_equal(found[0, 0], [[4, 7, 4.75], [25, 28, 15.25], [21.25, 22.75, 12]])
    line = avg_pool(torch.arange(7.0).reshape(1, 1, 7), (2,), "valid", (3,), ceil_mode=True)
    np.testing.assert_array_equal(line[0, 0], [0.5, 3.5, 3.0])


def test_what_hangs_over_the_edge_is_excluded_with_the_padding() -> None:
    found = avg_pool(PLANE, (2, 2), "valid", (3, 3), exclude_padding_from_average=True, ceil_mode=True)
    np.testing.assert_array_equal(found[0, 0], [[4, 7, 9.5], [25, 28, 30.5], [42.5, 45.5, 48]])
