"""What identifies a module's weights: a count and a SHA-256."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import chain

import torch
from torch import nn


def parameter_count(module: nn.Module) -> int:
    """Return the number of parameter elements; buffers are not counted."""
    return sum(parameter.numel() for parameter in module.parameters())


def weights_sha256(module: nn.Module) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of parameters and buffers, or "" where there are none."""
    seen = False
    total = sha256()
    for name, tensor in _named_tensors(module):
        seen = True
        total.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        total.update(_raw_bytes(tensor))
    return total.hexdigest() if seen else ""


def _named_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    tensors = dict(chain(module.named_parameters(), module.named_buffers()))
    return iter(sorted(tensors.items()))


def _raw_bytes(tensor: torch.Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data
