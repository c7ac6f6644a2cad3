"""What the packed twins of steps share: their constants, the size of their input, and activations by oneDNN's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

import torch
from torch import Tensor

from mlparity.engine.mil.program import TensorType, ValueType
from mlparity.engine.numerics import Numerics
from mlparity.engine.runtime.plan import Step
from mlparity.engine.runtime.tensors import widened

Twin = tuple[str, tuple[float, ...]]
"""oneDNN's name of an activation and its numbers. Source: torch 2.13, `torch/_inductor/fx_passes/mkldnn_fusion.py`."""

NO_ACTIVATION: Twin = ("none", ())


class Packed(Protocol):
    """An op whose weights were packed for one kernel; it takes `x` alone and returns new memory."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the op's result for `x`."""

    def followed_by(self, activation: Twin) -> Self:
        """Return the same op with an activation."""


def constants_fed(step: Step, initial: Sequence[object]) -> dict[str, Tensor] | None:
    """Return the constant weight, and bias where there is one, of a step that a twin may stand for.

    None where the step does not hold fp32 on the CPU, its unit sums in a way of its own, or one of both is no constant.
    """
    num = step.constants.get("num")
    if step.stores[0].held is not torch.float32 or not isinstance(num, Numerics) or not num.products.plain:
        return None
    if step.fn is not step.definition.fn:
        return None  # the unit has an own way with the whole step
    fed = {feed.parameter: initial[feed.slots[0]] for feed in step.feeds if feed.parameter != "x"}
    tensors = {name: widened(each, torch.float32) for name, each in fed.items() if isinstance(each, Tensor)}
    if len(tensors) != len(fed) or not {"weight"} <= set(tensors) <= {"weight", "bias"}:
        return None
    return tensors if tensors["weight"].device.type == "cpu" else None


def size_of(step: Step, declared: Mapping[int, ValueType]) -> list[int] | None:
    """Return the declared shape of the step's input `x`, None where a dimension is open."""
    slot = next(feed.slots[0] for feed in step.feeds if feed.parameter == "x")
    known = declared.get(slot)
    sizes = known.shape if isinstance(known, TensorType) and known.shape is not None else (None,)
    return None if None in sizes else [size for size in sizes if size is not None]
