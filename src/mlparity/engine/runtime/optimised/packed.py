"""What packed steps share: their constants, the size of their input, and what follows their sums."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol, Self, cast

import torch
from torch import Tensor

from mlparity.engine.mil.dtypes import FLOATS
from mlparity.engine.mil.program import TensorType, ValueType
from mlparity.engine.numerics.rounding import half_even_in_place
from mlparity.engine.runtime.plan import Step
from mlparity.engine.runtime.tensors import widened

Limits = tuple[float, float]
"""The least and the greatest result: what relu, relu6 and clip do. NaN stays."""

ANY: Limits = (-math.inf, math.inf)
POSITIVE: Limits = (0.0, math.inf)


@dataclass(frozen=True, slots=True)
class Follows:
    """What a whole sum goes through: rounding to fp16's numbers, to nearest even, where `rounds`, then the limits."""

    limits: Limits = ANY
    rounds: bool = False

    def tensor(self) -> Tensor:
        """Return the limits as the kernels read them: two numbers in fp32."""
        return torch.tensor(self.limits, dtype=torch.float32)

    def after(self, x: Tensor) -> Tensor:
        """Return what follows of results in fp32, for an op whose kernel does not see to it; in the memory of `x`."""
        rounded = half_even_in_place(x) if self.rounds else x
        if self.limits == ANY:
            return rounded
        return rounded.relu_() if self.limits == POSITIVE else rounded.clamp_(*self.limits)


class PackedStep(Protocol):
    """An op as one kernel does it, constant weights packed; it takes the inputs that it `reads`, returns new memory."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the inputs that are no constants, in order."""

    @property
    def can_round(self) -> bool:
        """Whether the kernel can round its results to fp16's numbers."""

    @property
    def __call__(self) -> Callable[..., Tensor | tuple[Tensor, ...]]:
        """The op's result, or results, for what it reads."""

    def followed_by(self, follows: Follows) -> Self:
        """Return the same op with something else after its sums; it `rounds` only where the op can."""


@dataclass(slots=True, eq=False)
class Scratch:
    """Memory in which the weights of a plan are widened one after the other, each where the one before it was.

    A new piece for each would leave holes between the packed ones: twice the memory (measured with glibc, torch 2.13).
    """

    lock: Lock = field(default_factory=Lock)
    _memory: Tensor = field(default_factory=lambda: torch.empty(0))

    def wide(self, weight: Tensor) -> Tensor:
        """Return the weight in fp32, valid until the next call; threads take the lock first."""
        if weight.dtype is torch.float32:
            return weight
        if self._memory.numel() < weight.numel():
            self._memory = torch.empty(weight.numel())
        return self._memory[: weight.numel()].view(weight.shape).copy_(weight)


@dataclass(slots=True, eq=False)
class PackedOnce:
    """A weight that is packed when it is first used: until then a package is a map of its file and no more.

    From then on the weight as it was is let go, and the scratch with the last one. Threads may share it.
    """

    _pack: Callable[[Tensor], Tensor]
    _source: tuple[Tensor, Scratch] | None
    _packed: Tensor | None = None

    def __call__(self) -> Tensor:
        """Return the packed weight."""
        source = self._source
        if source is not None:
            self._first(*source)
        return cast("Tensor", self._packed)

    def _first(self, weight: Tensor, scratch: Scratch) -> None:
        with scratch.lock, torch.inference_mode(False), torch.no_grad():
            if self._packed is None:
                self._packed = self._pack(scratch.wide(weight).contiguous())
                self._source = None


@dataclass(slots=True)
class Weights:
    """The constants of a plan by slot, from which weights are taken to be packed, and the memory to widen them in.

    `declared` holds the type of each slot.
    """

    initial: Sequence[object]
    declared: Mapping[int, ValueType]
    scratch: Scratch = field(default_factory=Scratch)

    def constants(self, step: Step, reads: Collection[str]) -> dict[str, Tensor] | None:
        """Return the tensors that a step is fed besides what it `reads`, all of them constants of fractions on the CPU.

        None where one is not, where the step reads anything but fractions or does not hold fp32, and where its unit
        computes in a way of its own.
        """
        num = step.numerics
        if step.stores[0].held is not torch.float32 or num is None or not num.products.plain:
            return None
        if step.fn is not step.definition.fn:
            return None  # the unit has an own way with the whole step
        if not all(self._is_fraction(slot) for feed in step.feeds if feed.parameter in reads for slot in feed.slots):
            return None  # the plain op says what becomes of whole numbers
        found = {feed.parameter: self.initial[feed.slots[0]] for feed in step.feeds if feed.parameter not in reads}
        tensors = {name: tensor for name, tensor in found.items() if isinstance(tensor, Tensor)}
        fit = all(tensor.device.type == "cpu" and tensor.is_floating_point() for tensor in tensors.values())
        return tensors if fit and len(tensors) == len(found) else None

    def fed(self, step: Step) -> tuple[Tensor, Tensor | None] | None:
        """Return the constant weight in its own type, and the bias, of a step that may be optimised, else None."""
        found = self.constants(step, ("x",))
        if found is None or "weight" not in found or not found.keys() <= {"weight", "bias"}:
            return None
        bias = found.get("bias")
        return found["weight"], None if bias is None else widened(bias, torch.float32)

    def size(self, step: Step) -> tuple[int, ...] | None:
        """Return the declared shape of the step's input `x`, None where a dimension is open."""
        slot = next(feed.slots[0] for feed in step.feeds if feed.parameter == "x")
        known = self.declared.get(slot)
        sizes = known.shape if isinstance(known, TensorType) and known.shape is not None else (None,)
        return None if None in sizes else tuple(size for size in sizes if size is not None)

    def _is_fraction(self, slot: int) -> bool:
        kind = self.declared.get(slot)
        return isinstance(kind, TensorType) and kind.dtype in FLOATS
