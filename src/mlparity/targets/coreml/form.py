"""Gives a source the form that Core ML can hold: fp32 weights, and inputs and outputs of fp32 or int32."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.errors import SourceError
from mlparity.core.source import Source

HALF = "float16"


@dataclass(frozen=True, slots=True)
class InputForm:
    """How one input enters: the numpy dtype and shape that Core ML takes, and the type that the module wants."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    wanted: torch.dtype
    scalar: bool

    def example(self, array: np.ndarray) -> Tensor:
        """Return the sample's array as the graph takes it; fp16 arrives as fp32, which the converter narrows."""
        width = torch.float32 if self.wanted.is_floating_point else torch.int32
        return torch.tensor(array).to(width).reshape(self.shape)

    def given(self, tensor: Tensor) -> Tensor:
        """Return the graph's tensor as the module takes it."""
        shaped = tensor.reshape(()) if self.scalar else tensor
        return shaped if shaped.dtype is self.wanted else shaped.to(self.wanted)


def input_form(name: str, array: np.ndarray) -> InputForm:
    """Return the form of an input: int64, bool and narrow integers enter as int32, fp64 as fp32, a scalar as (1,).

    Narrow integers stay int32 inside too: MIL computes with int32, and values of 8 or 16 bits fit.
    """
    kind = array.dtype.kind
    wanted = {"f": torch.float32, "b": torch.bool, "i": torch.int32, "u": torch.int32}[kind]
    if array.dtype == np.int64:
        wanted = torch.int64
    entering = (HALF if array.dtype == np.float16 else "float32") if kind == "f" else "int32"
    return InputForm(name, entering, array.shape if array.ndim else (1,), wanted, array.ndim == 0)


class CoremlForm(nn.Module):
    """A source whose inputs and outputs have types that Core ML knows; a list that it returns is a tuple."""

    def __init__(self, inner: nn.Module, forms: tuple[InputForm, ...]) -> None:
        super().__init__()
        self.inner = inner
        self.forms = forms
        # Only this wrapper's flag: some modules inside (an exported program's) refuse a call of eval().
        self.training = False

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the source's outputs, bool as int32 and every float as fp32."""
        given = [form.given(tensor) for form, tensor in zip(self.forms, tensors, strict=True)]
        results: list[Tensor] = []
        for result in self.inner(*given):
            results.append(_apart(_returned(result), (*tensors, *results)))
        return tuple(results)


def coreml_form(source: Source, sample: Mapping[str, np.ndarray], eval_mode: bool) -> CoremlForm:
    """Return a form of the source that shares its parameters and nothing else.

    A conversion runs the module's code, which may keep what it computes; a copy keeps that from the user's module.

    Raises:
        SourceError: the module is in training mode without `eval_mode`.
    """
    module = _copied(cast("nn.Module", source.module))
    if source.kind != "pt2":  # an exported program's flag says nothing: its mode was fixed by the export
        _leave_training(module, source, eval_mode)
    forms = tuple(input_form(name, sample[name]) for name in source.input_names)
    return CoremlForm(_widened(module), forms)


def _copied(module: nn.Module) -> nn.Module:
    shared = {id(parameter): parameter for parameter in module.parameters()}
    try:
        return copy.deepcopy(module, dict[int, object](shared))
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):
        return module  # holds what Python cannot copy: open files, locks, tensors inside an autograd graph


def _leave_training(module: nn.Module, source: Source, eval_mode: bool) -> None:
    training = [name for name, part in module.named_modules() if part.training]
    if not training:
        return
    if not eval_mode:
        raise SourceError(
            "the source is in training mode: dropout is active and batch norm uses each batch's own statistics",
            where=source.location,
            found=f"{len(training)} parts with training=True ({training[0] or 'the whole module'})",
            expected="training=False in every part",
            next_step="call .eval() on the module, or ask for eval mode",
        )
    module.eval()


def _widened(module: nn.Module) -> nn.Module:
    """Return the module with fp32 weights; MIL's precision is chosen by the conversion, not by how weights are kept."""
    tensors = [*module.parameters(), *module.buffers()]
    if all(tensor.dtype is torch.float32 for tensor in tensors if tensor.is_floating_point()):
        return module
    return copy.deepcopy(module).to(torch.float32)


def _apart(tensor: Tensor, others: tuple[Tensor, ...]) -> Tensor:
    """Return a tensor of its own where one is given out under several names: coremltools keeps one name of a value."""
    return torch.ops.aten.alias.default(tensor) if any(tensor is other for other in others) else tensor


def _returned(tensor: Tensor) -> Tensor:
    if tensor.is_floating_point():
        return tensor.to(torch.float32)
    return tensor if tensor.dtype in (torch.int64, torch.int32) else tensor.to(torch.int32)
