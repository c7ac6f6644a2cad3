"""What `conv_quantized` gives: the oracle of `conv` on weights that are made dense one channel at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.oracles.conv import conv
from tests.oracles.terms import Terms


def conv_quantized(
    x: np.ndarray, weight: np.ndarray, quant_scale: np.ndarray, quant_bias: np.ndarray, **more: object
) -> Terms:
    scales, shifts = (np.broadcast_to(each.reshape(-1), (len(weight),)) for each in (quant_scale, quant_bias))
    dense = np.stack(
        [channel.astype(np.float64) * by + to for channel, by, to in zip(weight, scales, shifts, strict=True)]
    )
    more = {name: each for name, each in more.items() if name not in ("quantization_type", "nbits")}
    if isinstance(more.get("bias"), np.ndarray):
        more["bias"] = more["bias"].astype(np.float64)  # type: ignore[attr-defined]
    return conv(x, dense, **more)  # type: ignore[arg-type]


ORACLES: Mapping[str, Callable[..., object]] = {"conv_quantized": conv_quantized}
