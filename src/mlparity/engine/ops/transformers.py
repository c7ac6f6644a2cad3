"""MIL's attention.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS18/transformers.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html).
"""

from __future__ import annotations

from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("scaled_dot_product_attention", since=18, rounding=Rounding.REDUCE)
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, *, num: Numerics
) -> Tensor:
    """Return softmax(query key^T / sqrt(E) + mask) value, softmax over the source sequence.

    A boolean mask says which positions take part, a floating one is added. A position that sees nothing gets what
    PyTorch gives it.

    Shape: query (B, *, L, E), key (B, *, S, E), value (B, *, S, EV), attn_mask broadcasts to (B, *, L, S); gives
    (B, *, L, EV).
    Rounding: as `num.products` has it; by default scores and weights stay wide (assumed: one fused kernel).

    Raises:
        ValueError: the ranks differ, or are below 3.
    """
    if not query.ndim == key.ndim == value.ndim >= 3:
        raise ValueError(
            f"query, key and value have {query.ndim}, {key.ndim} and {value.ndim} axes, not 3 or more each"
        )
    mask = attn_mask.unsqueeze(0) if attn_mask is not None and attn_mask.ndim == 1 else attn_mask
    return num.products.attention(query, key, value, mask)
