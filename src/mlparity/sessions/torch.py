"""Runs a source with PyTorch on the CPU, in fp32 or in fp64."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.errors import ExecutionError
from mlparity.core.session import Availability, Closing, Outputs, Sample, Session, Signature, TensorSpec
from mlparity.core.source import Source
from mlparity.core.user_code import failing_as
from mlparity.sessions.cached import CachedSession
from mlparity.sessions.carrying import CarryingSession
from mlparity.sessions.on_demand import OnDemandSession
from mlparity.sessions.torch_fp64 import widened
from mlparity.sessions.torch_width import in_width, tensor_in_width


def probe() -> Availability:
    """Return that PyTorch is there: mlparity requires it."""
    return Availability(ok=True)


def open(source: Source, *, double: bool = False) -> TorchSession:  # noqa: A001 - every backend has `open`
    """Return a session that runs `source` in fp32, or in fp64 with `double`.

    A copy of the module is cast where its parameters have another floating type; otherwise it is used as it is.
    """
    return TorchSession(source, torch.float64 if double else torch.float32)


def description(source: Source, *, double: bool = False) -> tuple[Signature, str]:
    """Return the signature and the runtime of a session that is not opened for it."""
    return _signature(source), _runtime(torch.float64 if double else torch.float32)


def _signature(source: Source) -> Signature:
    inputs, outputs = (
        tuple(TensorSpec(name, None, "") for name in names) for names in (source.input_names, source.output_names)
    )
    return Signature(inputs, outputs)


def _runtime(width: torch.dtype) -> str:
    return f"PyTorch {torch.__version__} ({'fp64' if width is torch.float64 else 'fp32'})"


def roundings_of(session: Session) -> float:
    """Return `TorchSession.roundings` of a session, also of one inside another; 0.0 for other sessions."""
    while isinstance(session, CarryingSession | CachedSession | OnDemandSession):
        session = session.inner
    return session.roundings if isinstance(session, TorchSession) else 0.0


class TorchSession(Closing):
    """A source in one floating type; the outputs keep their own types (fp64 ones stay fp64)."""

    def __init__(self, source: Source, width: torch.dtype) -> None:
        self._width = width
        self._module: nn.Module | None = in_width(cast("nn.Module", source.module), width)
        self._roundings = 0.0
        self._output_names = source.output_names
        self._signature = _signature(source)

    @property
    def signature(self) -> Signature:
        """The names; PyTorch tells neither shapes nor types before a run."""
        return self._signature

    @property
    def runtime(self) -> str:
        """PyTorch's version and the floating type."""
        return _runtime(self._width)

    @property
    def roundings(self) -> float:
        """How many roundings the run in fp64 that has most of them would have in fp32 (see `torch_roundings`)."""
        return self._roundings

    @property
    def module(self) -> nn.Module:
        """The module in the session's floating type.

        Raises:
            ExecutionError: the session is closed.
        """
        if self._module is None:
            raise ExecutionError("the session is closed", where=self.runtime)
        return self._module

    def with_module(self, module: nn.Module) -> TorchSession:
        """Return a session of another module with the same inputs and outputs."""
        other = copy.copy(self)
        other._module = module
        return other

    def inputs_of(self, sample: Sample) -> tuple[Tensor, ...]:
        """Return the inputs of a sample as tensors in the session's floating type, in the module's order."""
        return tuple(self._input(sample[spec.name]) for spec in self._signature.inputs)

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample.

        Raises:
            ExecutionError: the module fails, for example because it mixes in a type of its own in fp64.
        """
        module, tensors = self.module, self.inputs_of(sample)
        # No inference mode: tensors that a module keeps from it could not be used in a later export.
        with failing_as(self._failure), torch.no_grad():
            results = self._call(module, tensors)
            return {name: result.numpy(force=True) for name, result in zip(self._output_names, results, strict=True)}

    def close(self) -> None:
        """Let go of the module."""
        self._module = None

    def _input(self, array: np.ndarray) -> Tensor:
        tensor = torch.tensor(array)  # a copy: a module that writes into its input must not change the sample
        return tensor_in_width(tensor, self._width)

    def _call(self, module: nn.Module, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        if self._width is not torch.float64:
            return cast("tuple[Tensor, ...]", module(*tensors))
        with widened() as roundings:
            results = cast("tuple[Tensor, ...]", module(*tensors))
        self._roundings = max(self._roundings, roundings.total)
        return results

    def _failure(self, error: BaseException) -> ExecutionError:
        in_double = self._width is torch.float64
        return ExecutionError(
            "the source cannot run in fp64" if in_double else "the source failed",
            where=self.runtime,
            found=f"{type(error).__name__}: {error}",
            next_step="leave the fp64 reference out; the source's own rounding is then unknown" if in_double else "",
        )
