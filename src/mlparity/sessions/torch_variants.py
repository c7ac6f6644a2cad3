"""A source run otherwise than it should be: what an artifact would give that was converted from it by mistake."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from mlparity.core.budget import count_run
from mlparity.core.errors import ExecutionError
from mlparity.core.session import Outputs, Sample
from mlparity.core.shortages import note_shortage
from mlparity.core.source import Source
from mlparity.sessions.torch import open as open_source
from mlparity.sessions.torch_dispatch import OpMode


def run_in_training_mode(source: Source, sample: Sample) -> Outputs | None:
    """Return the outputs of a copy of the source in training mode, without dropout; None where it cannot run so.

    None also for a source without a module that behaves otherwise in training mode.
    """
    return _run_changed(source, sample, _train)


def run_with_fp16_weights(source: Source, sample: Sample) -> Outputs | None:
    """Return the outputs of a copy of the source, in fp32, with parameters, buffers and numbers in its code in fp16.

    A number that fp16 takes for zero becomes fp16's least, 6e-8, as coremltools 9.0 writes it.
    """
    return _run_changed(source, sample, _rounded)


def _run_changed(source: Source, sample: Sample, change: Callable[[nn.Module], nn.Module | None]) -> Outputs | None:
    count_run()
    with open_source(source) as session:
        try:
            changed = change(_copied(session.module))
            return None if changed is None else session.with_module(changed).run(sample)
        except (ExecutionError, RuntimeError, TypeError, ValueError, AttributeError) as error:
            note_shortage(error)
            return None


def _copied(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch warns of its own classes when it copies an exported program
        return copy.deepcopy(module)


def _train(module: nn.Module) -> nn.Module | None:
    """Put every part in training mode but dropout; None where no part has statistics of its own to use."""
    parts = [part for part in module.modules() if not isinstance(part, nn.modules.dropout._DropoutNd)]
    for part in parts:
        part.training = True
    return module if any(isinstance(part, nn.modules.batchnorm._NormBase) for part in parts) else None


def _rounded(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            parts = torch.view_as_real(tensor) if tensor.is_complex() else tensor
            if parts.is_floating_point():
                parts.copy_(parts.half())
    return _WithFp16Numbers(module)


class _WithFp16Numbers(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.training = inner.training

    def forward(self, *inputs: Any, **named: Any) -> Any:
        with _Fp16Numbers():
            return self.inner(*inputs, **named)


_ELEMENTWISE = frozenset({"add", "sub", "rsub", "mul", "div", "clamp", "clamp_min", "clamp_max"})
"""The ops whose numbers become tensors of the values' type in a package, where the others keep parameters in fp32."""

_LEAST = 2.0**-24


class _Fp16Numbers(OpMode):
    """Rounds the numbers that elementwise ops are given to fp16."""

    def run_op(self, func: Any, args: Any, named: Any) -> Any:
        """Run the op with its numbers rounded."""
        base = func.overloadpacket.__name__.rstrip("_")
        changed = tuple(map(_in_fp16, args)) if base in _ELEMENTWISE else args
        return func(*changed, **named)


def _in_fp16(value: object) -> object:
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    near = float(torch.tensor(value, dtype=torch.float64).to(torch.float16))
    return near if near or not value else math.copysign(_LEAST, value)
