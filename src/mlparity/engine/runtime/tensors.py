"""MIL values to torch tensors and back: which torch type holds which MIL type."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from mlparity.engine.mil.dtypes import BY_NAME, FLOATS

_HELD = {
    "bool": torch.bool,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "int16": torch.int16,
    "uint16": torch.int32,
    "int32": torch.int32,
    "uint32": torch.int64,
    "int64": torch.int64,
    "uint64": torch.int64,
    "int4": torch.int8,
    "uint4": torch.uint8,
    "uint6": torch.uint8,
    "uint3": torch.uint8,
    "uint2": torch.uint8,
    "uint1": torch.uint8,
}
"""Unsigned types that torch barely computes with are held in the next wider signed type."""

_BIT_VIEWS = {"bf16": (np.int16, torch.bfloat16), "fp8e4m3fn": (np.uint8, torch.float8_e4m3fn)} | {
    "fp8e5m2": (np.uint8, torch.float8_e5m2)
}


def storage_dtype(mil_type: str, compute: torch.dtype) -> torch.dtype:
    """Return the torch type that holds values of the MIL type: `compute` for every floating type."""
    return compute if mil_type in FLOATS else _HELD[mil_type]


def tensor_from(array: np.ndarray, mil_type: str, compute: torch.dtype, device: torch.device) -> Tensor:
    """Return `array` as the tensor that holds it; no copy is made where the type and the device already fit."""
    return narrow_tensor_from(array, mil_type, device).to(storage_dtype(mil_type, compute))


def widened(value: Tensor, compute: torch.dtype) -> Tensor:
    """Return a floating tensor in the type that holds floating values, any other as it is."""
    return value.to(compute) if value.is_floating_point() else value


def narrow_tensor_from(array: np.ndarray, mil_type: str, device: torch.device) -> Tensor:
    """Return `array` as a tensor whose floating values are not yet widened to the type that holds them."""
    viewed, torch_type = _BIT_VIEWS.get(mil_type, (None, None))
    raw = array if viewed is None else array.view(viewed)
    if raw.dtype in (np.uint16, np.uint32, np.uint64):
        raw = raw.astype(np.int64)
    with warnings.catch_warnings():
        # A mapped weight file is read-only; no op writes to its inputs.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        tensor = torch.from_numpy(np.ascontiguousarray(raw).reshape(raw.shape))
    if torch_type is not None:
        tensor = tensor.view(torch_type)
    return tensor.to(device=device, dtype=None if mil_type in FLOATS else _HELD[mil_type])


def array_from(tensor: Tensor, mil_type: str) -> np.ndarray:
    """Return the tensor as a numpy array of its MIL type (bf16 and fp8 in their numpy stand-ins)."""
    array: np.ndarray = tensor.detach().cpu().numpy()
    with np.errstate(over="ignore"):  # beyond the narrower type's range the result is infinite, as in IEEE 754
        return array.astype(BY_NAME[mil_type].holder)
