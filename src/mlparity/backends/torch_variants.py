"""A source run otherwise than it should be: what an artifact would give that was converted from it by mistake."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable

import torch
from torch import nn

from mlparity.backends.torch import open as open_source
from mlparity.core.errors import ExecutionError
from mlparity.core.session import Outputs, Sample
from mlparity.core.source import Source


def run_in_training_mode(source: Source, sample: Sample) -> Outputs | None:
    """Return the outputs of a copy of the source in training mode, without dropout; None where it cannot run so.

    None also for a source without a module that behaves otherwise in training mode.
    """
    return _run_changed(source, sample, _train)


def run_with_fp16_weights(source: Source, sample: Sample) -> Outputs | None:
    """Return the outputs of a copy of the source, in fp32, with parameters and buffers rounded to fp16."""
    return _run_changed(source, sample, _round)


def _run_changed(source: Source, sample: Sample, change: Callable[[nn.Module], bool]) -> Outputs | None:
    with open_source(source) as session:
        try:
            changed = _copied(session.module)
            if not change(changed):
                return None
            return session.with_module(changed).run(sample)
        except (ExecutionError, RuntimeError, TypeError, ValueError, AttributeError):
            return None


def _copied(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch warns of its own classes when it copies an exported program
        return copy.deepcopy(module)


def _train(module: nn.Module) -> bool:
    """Put every part in training mode but dropout; return whether a part has statistics of its own to use."""
    parts = [part for part in module.modules() if not isinstance(part, nn.modules.dropout._DropoutNd)]
    for part in parts:
        part.training = True
    return any(isinstance(part, nn.modules.batchnorm._NormBase) for part in parts)


def _round(module: nn.Module) -> bool:
    tensors = [each for each in (*module.parameters(), *module.buffers()) if each.is_floating_point()]
    with torch.no_grad():
        for each in tensors:
            each.copy_(each.half())
    return bool(tensors)
