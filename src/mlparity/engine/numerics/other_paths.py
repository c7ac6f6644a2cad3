"""Unit profiles of paths that are not Core ML's: MLX on the GPU, NumPy's matrix products on the CPU.

They are evidence of what the hardware does, and tests/evidence holds them to the published errors. No setting runs
them: Core ML's kernels are others, and nothing says that they sum in these orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch

from mlparity.core.words import Confidence
from mlparity.engine.numerics.mlx_sums import MlxSums
from mlparity.engine.numerics.numerics import Arithmetic, Profile
from mlparity.engine.numerics.products import Products
from mlparity.engine.numerics.wide_sums import SequentialFp32

_MLX = "tests/evidence/gemm_conv_sweep.csv: gpu; https://github.com/ml-explore/mlx/tree/main/mlx/backend/metal"
_NUMPY = "tests/evidence/gemm_conv_sweep.csv: cpu"


def _path(name: str, summary: str, source: str, half: Products | None, single: Products) -> Profile:
    arithmetics = {"fp32": Arithmetic(products=single)}
    if half is not None:
        arithmetics["fp16"] = Arithmetic(products=half)
    return Profile(
        name=name,
        summary=summary,
        compute=torch.float32,
        accum=torch.float32,
        grids={"fp16": torch.float16},
        confidence=Confidence.MEASURED,
        source=source,
        arithmetics=arithmetics,
    )


def _mlx(name: str, summary: str, *, few_tiles: int = 1024, tensor_units: bool = False) -> Profile:
    half, single = (MlxSums(few_tiles=few_tiles, tensor_units=tensor_units, half=is_half) for is_half in (True, False))
    return _path(name, summary, _MLX, half, single)


PATHS: Mapping[str, Profile] = MappingProxyType(
    {
        path.name: path
        for path in (
            _mlx("mlx-simd", "MLX on M1 to M4: fp32 sums one after the other, small results in parts"),
            _mlx("mlx-simd-large", "the same on Max and Ultra, which sum larger results in parts", few_tiles=2048),
            _mlx("mlx-tensor", "MLX on M5: matrix products by sixteen, fp32 values cut to TF32", tensor_units=True),
            _path("numpy-accelerate", "NumPy on M5: fp32 sums one after the other", _NUMPY, None, SequentialFp32()),
        )
    }
)
"""Every path, by name."""
