"""A source that keeps a state in its buffers, as a function: the state goes in and out beside inputs and outputs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from mlparity.core.errors import SourceError
from mlparity.core.session import Sample
from mlparity.core.source import Source, State, left_by, own_path
from mlparity.core.user_code import failing_as, raised_at, said
from mlparity.sources.flatten import FlatModule, flat_module, output_names, tensors_of
from mlparity.sources.forward import InputOrder
from mlparity.sources.restored import Buffer, restored_buffers

Tensors = tuple[Tensor, ...]


def with_states(source: Source, samples: Sequence[Sample]) -> Source:
    """Return a source whose buffers, where a run on one of the `samples` writes them, are inputs and outputs.

    A buffer whose value before a run makes no difference to anything is left as it is. `stateful` is the source as it
    was. A source that writes none comes back as it is.

    Raises:
        SourceError: the module fails on a sample, or cannot be run with a state from outside.
    """
    flat = cast("FlatModule", source.module)
    written = _written(flat, source, samples)
    if not written:
        return source
    if any(isinstance(part, torch.jit.ScriptModule) for part in flat.modules()):
        raise SourceError(
            "a TorchScript module keeps a state, which cannot be given to it from outside",
            where=source.location,
            found=", ".join(own_path(buffer.path) for buffer in written),
            next_step="give the module itself, as file.py:factory, or a .pt2 file",
        )
    states = _named(written, source)
    inputs = (*source.input_names, *(state.input for state in states))
    module = flat_module(_Pure(flat, tuple(buffer.path for buffer in written)), InputOrder(inputs, len(inputs)), {})
    outputs = (*source.output_names, *(state.output for state in states))
    return replace(source, module=module, input_names=inputs, output_names=outputs, states=states, stateful=source)


def _written(flat: FlatModule, source: Source, samples: Sequence[Sample]) -> tuple[Buffer, ...]:
    def failed(error: BaseException) -> SourceError:
        return SourceError(
            "the source fails on a sample",
            where=f"{source.location}, raised at {raised_at(error)}",
            found=f"{said(error)}; the samples that were tried have {', or '.join(map(_shapes, samples))}",
            next_step="run the source on these samples by itself, and correct it or them",
        )

    with restored_buffers(flat) as buffers:
        if not buffers:
            return ()
        with failing_as(failed), torch.no_grad():
            for sample in samples:
                flat(*tensors_of(sample, source.input_names))
        written = tuple(buffer for buffer in buffers if buffer.is_written)
    return _remembering(flat, written, tensors_of(samples[0], source.input_names)) if written else ()


def _shapes(sample: Sample) -> str:
    return ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in sample.items())


def _remembering(flat: FlatModule, written: tuple[Buffer, ...], inputs: Tensors) -> tuple[Buffer, ...]:
    """Return the buffers whose value before a run makes a difference: others are a place for notes, and no state.

    Each costs a run. Of many, as caches of all layers are, one run tells those that differ when all do.
    """
    plain = _from(flat, written, inputs, {})
    together = _from(flat, written, inputs, {buffer.path for buffer in written}) if len(written) > _MANY else None
    if plain is None or together is None:
        differ = [False] * len(written)
    else:
        left = zip(plain[-len(written) :], together[-len(written) :], strict=True)
        differ = [not _same((before,), (after,)) for before, after in left]
    return tuple(
        buffer
        for buffer, is_certain in zip(written, differ, strict=True)
        if is_certain or not _same(plain, _from(flat, written, inputs, {buffer.path}))
    )


_MANY = 8
"""From how many buffers on not each is tried by itself (assumed)."""


def _from(flat: FlatModule, written: tuple[Buffer, ...], inputs: Tensors, moved: Collection[str]) -> Tensors | None:
    """Return what a run gives and leaves in the buffers, where some of them held other values before.

    None where it fails: an index may leave its range.
    """
    with restored_buffers(flat), torch.no_grad():
        for buffer in written:
            buffer.tensor.copy_(_moved(buffer.values) if buffer.path in moved else buffer.values)
        try:
            outputs = flat(*inputs)
        except (RuntimeError, ValueError, IndexError):
            return None
        return (*(output.clone() for output in outputs), *(buffer.held.clone() for buffer in written))


def _same(first: Tensors | None, second: Tensors | None) -> bool:
    if first is None or second is None or len(first) != len(second):
        return False
    return all(torch.equal(one.nan_to_num(), two.nan_to_num()) for one, two in zip(first, second, strict=True))


def _moved(tensor: Tensor) -> Tensor:
    """Return other values of the same type: all of them one more, or the opposite truth."""
    return ~tensor if tensor.dtype is torch.bool else tensor + 1


def _named(written: tuple[Buffer, ...], source: Source) -> tuple[State, ...]:
    taken = (*source.input_names, *source.output_names)
    paths = [own_path(buffer.path) for buffer in written]
    inputs = output_names([(path,) for path in paths], taken)
    outputs = output_names([(left_by(name),) for name in inputs], (*taken, *inputs))
    return tuple(
        State(path, *names, buffer.values.numpy(force=True))
        for path, names, buffer in zip(paths, zip(inputs, outputs, strict=True), written, strict=True)
    )


class _Pure(nn.Module):
    """A module that takes the values of some of its buffers behind its inputs, and returns what it leaves there."""

    def __init__(self, inner: FlatModule, paths: tuple[str, ...]) -> None:
        super().__init__()
        self.stateful = inner
        self._paths = paths
        self.training = False

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the module's outputs, then the buffers as the run left them."""
        count = len(tensors) - len(self._paths)
        held = {path: value.clone() for path, value in zip(self._paths, tensors[count:], strict=True)}
        outputs = torch.func.functional_call(self.stateful, held, tensors[:count])
        return (*outputs, *(held[path] for path in self._paths))
