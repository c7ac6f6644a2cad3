"""What identifies the ops that a source runs on a sample: their names, arguments and order, and how they hang together.

Two sources with equal weights and another `forward` run other ops, or the same with other arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakTensorKeyDictionary

from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.sessions.torch import open as open_source
from mlparity.sessions.torch_dispatch import OpMode


def graph_sha256(source: Source, sample: Sample) -> str:
    """Return the digest of the ops that a run of `source` in fp32 has.

    Inputs count by their types and shapes, weights by their names. Any other tensor that no op made counts by its
    content, and so does what the code makes of values, such as a number that `item` gave and an op takes.

    Raises:
        ExecutionError: the source fails.
    """
    with open_source(source) as session:
        tensors = session.inputs_of(sample)
        names = {f"input {index}": tensor for index, tensor in enumerate(tensors)}
        names |= dict(session.module.named_parameters())
        names |= dict(session.module.named_buffers())
        mode = _Digest(names)
        with torch.no_grad(), mode:
            results = session.module(*tensors)
        mode.add("outputs", results)
        return mode.digest.hexdigest()


class _Digest(OpMode):
    """Runs every op as it is, and adds it to a digest."""

    def __init__(self, names: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.digest = sha256()
        self._count = 0
        self._known: MutableMapping[Tensor, str] = WeakTensorKeyDictionary()
        for name, tensor in names.items():
            if tensor not in self._known:  # shared weights have the first of their names
                self._known[tensor] = f"{name} {tensor.dtype} {tuple(tensor.shape)} {tensor.stride()}"

    def run_op(self, func: object, args: Sequence[object], named: Mapping[str, object]) -> object:
        """Run one op."""
        self.add(str(func), (args, named))
        result = func(*args, **named)  # type: ignore[operator]
        for leaf in tree_flatten(result)[0]:
            if isinstance(leaf, Tensor):
                self._count += 1
                self._known[leaf] = f"result {self._count}"
        return result

    def add(self, name: str, values: object) -> None:
        """Add an op's name, and what it takes."""
        leaves, spec = tree_flatten(values)
        self.digest.update(f"{name} {spec} {[self._text(leaf) for leaf in leaves]}\n".encode())

    def _text(self, leaf: Any) -> str:
        if not isinstance(leaf, Tensor):
            return f"{type(leaf).__name__} {leaf!r}"
        known = self._known.get(leaf)
        if known is None:
            known = self._known[leaf] = f"constant {leaf.dtype} {tuple(leaf.shape)} {_content(leaf)}"
        return known


def _content(tensor: Tensor) -> str:
    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return sha256(plain.view(torch.uint8).numpy().data).hexdigest() if plain.numel() else ""
