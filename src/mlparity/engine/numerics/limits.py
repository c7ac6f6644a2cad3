"""The largest numbers of the formats that units compute in."""

from __future__ import annotations

import torch

FP16_LARGEST = float(torch.finfo(torch.float16).max)
"""65504: beyond it a value that is stored in fp16 is infinite."""

FIXED_POINT_UNIT = 2.0**-16
"""The last place of the Neural Engine's sums of products. Source: evidence n2.ovf1."""

FIXED_POINT_LIMIT = 2.0**31 * FIXED_POINT_UNIT
"""32768: a partial sum that reaches it is infinite from then on. Source: evidence n2.ovf1."""
