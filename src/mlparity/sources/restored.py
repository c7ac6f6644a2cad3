"""Buffers that a run writes: which they are, and how a module gets them back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """A buffer as it was found: where it is, the tensor itself, and a copy of its values."""

    path: str
    owner: nn.Module
    name: str
    tensor: Tensor
    version: int
    values: Tensor

    @property
    def held(self) -> Tensor:
        """What the module has in this place now."""
        found: Tensor = getattr(self.owner, self.name)
        return found

    @property
    def is_written(self) -> bool:
        """Whether something wrote into the tensor or put another in its place."""
        if self.held is not self.tensor or _version(self.tensor) != self.version:
            return True
        return self.tensor.is_inference() and not torch.equal(self.tensor, self.values)

    def put_back(self) -> None:
        """Give the module the tensor again, with the values that it had."""
        if self.is_written:
            self.tensor.copy_(self.values)
            setattr(self.owner, self.name, self.tensor)


@contextmanager
def restored_buffers(module: nn.Module) -> Iterator[tuple[Buffer, ...]]:
    """Yield the buffers of a module, and put each back as it was at the end."""
    with torch.no_grad():
        found = tuple(_found(module))
    try:
        yield found
    finally:
        with torch.no_grad():
            for buffer in found:
                buffer.put_back()


def _found(module: nn.Module) -> Iterator[Buffer]:
    for prefix, owner in module.named_modules():
        for name, tensor in owner.named_buffers(recurse=False):
            path = f"{prefix}.{name}" if prefix else name
            yield Buffer(path, owner, name, tensor, _version(tensor), tensor.clone())


def _version(tensor: Tensor) -> int:
    """Return how often a tensor was written; tensors made in inference mode do not count, and are compared."""
    return 0 if tensor.is_inference() else tensor._version
