"""A source with one thing changed, run on one sample: what an artifact would give that was made with that change."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from mlparity.core.budget import count_run
from mlparity.core.change import Change
from mlparity.core.errors import ExecutionError
from mlparity.core.session import Outputs, Sample
from mlparity.core.shortages import note_shortage
from mlparity.core.source import Source, own_path
from mlparity.sessions.torch import open as open_source
from mlparity.sessions.torch_dispatch import OpMode
from mlparity.sessions.torch_trace import ANSWERING, RunOp, counts, layers_by_their_parts, run_module

_FAILURES = (ExecutionError, RuntimeError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)
"""What a run may raise that was changed into one that does not work."""


def run_changed(source: Source, sample: Sample, change: Change, *, double: bool = True) -> Outputs | None:
    """Return the outputs of a changed run, layers by their parts, in fp64 unless told otherwise; None if it fails."""
    count_run()
    with open_source(source, double=double) as session:
        try:
            module, inputs = _with_weights(session.module, change.weights), session.inputs_of(sample)
            with torch.no_grad(), layers_by_their_parts(), _Changing(change):
                results = run_module(module, inputs, double)
            return {name: each.numpy(force=True) for name, each in zip(source.output_names, results, strict=True)}
        except _FAILURES as error:
            note_shortage(error)
            return None


def changing(change: Change) -> RunOp:
    """Return what runs the ops of one run with a change; its weights are left as they are."""
    return _Changer(change).run


def named_weights(source: Source) -> dict[str, np.ndarray]:
    """Return the floating parameters and buffers of a source by the names of its own module, in their order."""
    module = source.module
    if not isinstance(module, nn.Module):
        return {}
    tensors = (*module.named_parameters(), *module.named_buffers())
    return {
        own_path(name): tensor.numpy(force=True)
        for name, tensor in tensors
        if tensor.is_floating_point() and tensor.dtype is not torch.bfloat16
    }


_WITH_FAST_PATH = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)


def fast_layers(source: Source) -> tuple[str, ...]:
    """Return the outermost modules that PyTorch computes by a fast path where it may; their class at the root."""
    module = source.module
    if not isinstance(module, nn.Module) or not torch.backends.mha.get_fastpath_enabled():
        return ()
    found: list[str] = []
    for name, part in module.named_modules():
        path = own_path(name)
        is_inside = any(not outer or path.startswith(f"{outer}.") for outer in found)
        if isinstance(part, _WITH_FAST_PATH) and not is_inside:
            found.append(path)
    return tuple(path if path else type(getattr(module, "inner", module)).__name__ for path in found)


def with_weights(source: Source, weights: Mapping[str, np.ndarray]) -> Source | None:
    """Return a source that is another only in these parameters and buffers; None where it has no module."""
    module = source.module
    return replace(source, module=_with_weights(module, weights)) if isinstance(module, nn.Module) else None


def _with_weights(module: nn.Module, weights: Mapping[str, np.ndarray]) -> nn.Module:
    if not weights:
        return module
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch warns of its own classes when it copies an exported program
        other = copy.deepcopy(module)
        for name, tensor in (*other.named_parameters(), *other.named_buffers()):
            array = weights.get(own_path(name))
            if array is not None:
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(array)).reshape(tensor.shape))
    return other


class _Changing(OpMode):
    """Changes those ops of a run that it is told."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self._run = changing(change)

    def run_op(self, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Run an op, leave it out, or put another result in its place."""
        return self._run(func, args, named)


class _Changer:
    """Counts ops as a trace does, and changes those that it is told."""

    def __init__(self, change: Change) -> None:
        self._change, self._calls, self._answers = change, 0, 0

    def run(self, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Run an op, leave it out, or put another result in its place."""
        call, self._calls = self._calls, self._calls + counts(func)
        if call in self._change.lost:
            return _untouched(func, args)
        result = func(*args, **named)
        if str(func._schema.name).replace("::", ".") == ANSWERING:
            return self._answer(result)
        given = self._change.given.get(call)
        return result if given is None else _replaced(result, given)

    def _answer(self, own: Any) -> Any:
        position, self._answers = self._answers, self._answers + 1
        known = self._change.answers[position] if position < len(self._change.answers) else None
        return own if known is None else type(own)(known)


def _untouched(func: Any, args: Sequence[Any]) -> Any:
    """Return what a write returns, which is the tensor that it was to write into."""
    written = [
        value
        for argument, value in zip(func._schema.arguments, args, strict=False)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return written[0] if len(written) == 1 else tuple(written)


def _replaced(result: Any, given: Sequence[np.ndarray]) -> Any:
    """Put arrays in the place of the first tensors of a result."""
    leaves, shape = tree_flatten(result)
    positions = [position for position, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    for position, array in zip(positions, given, strict=False):
        old = leaves[position]
        leaves[position] = torch.from_numpy(np.ascontiguousarray(array)).to(old.dtype).reshape(old.shape)
    return tree_unflatten(leaves, shape)
