"""The profiles as data; a compute unit's own numerics become further rows."""

from __future__ import annotations

import torch

from mlparity.core.words import Confidence
from mlparity.engine.numerics.numerics import Profile

REFERENCE = Profile(
    name="reference",
    summary="every floating value held and computed in fp64; nothing is rounded to the declared types",
    compute=torch.float64,
    accum=torch.float64,
    grids={},
    confidence=Confidence.ASSUMED,
    source="our definition of the exact result of a converted graph",
)

FP32 = Profile(
    name="fp32",
    summary="every floating value held and computed in fp32; fp16-typed values keep fp32 precision",
    compute=torch.float32,
    accum=torch.float32,
    grids={},
    confidence=Confidence.DOCUMENTED,
    source="https://apple.github.io/coremltools/docs-guides/source/typed-execution.html "
    "(an fp16-typed op may run in fp32)",
)

TYPED = Profile(
    name="typed",
    summary="each value stored in its declared type, arithmetic and accumulation in fp32",
    compute=torch.float32,
    accum=torch.float32,
    grids={"fp16": torch.float16},
    confidence=Confidence.DOCUMENTED,
    source="https://apple.github.io/coremltools/docs-guides/source/typed-execution.html "
    "(declared types are the least precision); fp32 accumulation: assumed",
)

PROFILES = {profile.name: profile for profile in (REFERENCE, FP32, TYPED)}
