"""One run in the numerics in question that also knows what each op would give exactly on the same inputs.

The values that flow are those of the numerics in question. The gradient flows through the exact arithmetic, since a
rounding has no useful one: it says how the outputs move when one op's result moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mlparity.core.budget import check_budget, count_run
from mlparity.core.errors import FormatError
from mlparity.diagnose.distance import Tensors, directions, distance
from mlparity.engine.runtime.frame import Frame
from mlparity.engine.runtime.interpret import stored
from mlparity.engine.runtime.plan import Plan, Step


@dataclass(frozen=True, slots=True)
class LocalError:
    """What one result loses in the numerics in question, on the inputs that it got there.

    `index` is the step's index and `slot` that of its result. `norm` is the Euclidean norm of the finite errors, `peak`
    the largest finite exact value. `lost` counts elements that are finite exactly and are not in the numerics: they
    overflowed. `contribution` is the part of the outputs' distance that follows from this error, to first order; None
    where no gradient reaches it.
    """

    index: int
    slot: int
    norm: float
    peak: float
    lost: int
    contribution: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LocalErrors:
    """The local errors of one run, its outputs, their distance from `expected`, and each result as it was stored."""

    errors: tuple[LocalError, ...]
    outputs: Tensors
    distance: float
    values: Mapping[int, object]

    @property
    def explained(self) -> float:
        """The sum of the contributions: to first order it is the distance."""
        return math.fsum(error.contribution for error in self.errors if error.contribution is not None)


def follow(numerics: Plan, exact: Plan, inputs: Tensors, expected: Tensors) -> LocalErrors:
    """Run both plans of one function side by side and return what each op loses.

    `inputs` are in the storage dtype of `numerics`. Memory: every result of one run is kept.

    Raises:
        FormatError: the plans are not of the same steps.
    """
    _check_same(numerics, exact)
    count_run()
    run = _Run(numerics, exact, inputs)
    with torch.enable_grad():
        run.wide.run(run.follow)
    outputs = {name: value for name, value in run.wide.outputs(exact).items() if isinstance(value, Tensor)}
    contributions = _contributions(run, outputs, expected)
    errors = tuple(_error(run, slot, contributions.get(slot)) for slot in run.losses)
    detached = {name: output.detach() for name, output in outputs.items()}
    return LocalErrors(errors, detached, distance(detached, expected), run.values)


class _Run:
    """Two frames in step: `narrow` for the numerics in question, `wide` the same values with a gradient."""

    def __init__(self, numerics: Plan, exact: Plan, inputs: Tensors) -> None:
        self.compute = exact.profile.compute
        self.same_width = numerics.profile.compute is self.compute
        self.narrow = Frame.of(numerics, inputs)
        self.wide = Frame.of(exact, {name: self._leaf(inputs[name]) for name in exact.inputs})
        self.values = self.narrow.values(numerics.given)
        self.losses: dict[int, _Loss] = {}

    def _leaf(self, value: Tensor) -> Tensor:
        leaf = self._widened(value).clone()
        return leaf.requires_grad_(leaf.is_floating_point())

    def follow(self, index: int, exact_step: Step) -> None:
        """Run the step in the numerics in question after the exact one, and keep what it loses."""
        check_budget()
        step = self.narrow.steps[index]
        if self.same_width and _same_arithmetic(step, exact_step):
            for store in step.stores:
                value = self.wide.slots[store.slot]
                self.narrow.slots[store.slot] = stored(store, value.detach() if isinstance(value, Tensor) else value)
        else:
            with torch.no_grad():
                self.narrow.step(index)
        for store in step.stores:
            self._take(index, store.slot)
        self.narrow.free(index)

    def _take(self, index: int, slot: int) -> None:
        value, exact = self.narrow.slots[slot], self.wide.slots[slot]
        self.values[slot] = value
        if not isinstance(value, Tensor) or not isinstance(exact, Tensor) or not exact.is_floating_point():
            self.wide.slots[slot] = value
            return
        kept, plain = self._widened(value), exact.detach()
        error = kept - plain
        norm = float(torch.linalg.vector_norm(error))
        if norm == 0:
            return
        if not exact.requires_grad:
            exact = plain.clone().requires_grad_()  # behind integers no gradient comes from before, but one follows
        replaced: Tensor = _Instead.apply(exact, kept)  # type: ignore[no-untyped-call]
        self.wide.slots[slot] = replaced
        self.losses[slot] = _Loss(index, replaced, *_measured(error, norm, plain, kept))

    def _widened(self, value: Tensor) -> Tensor:
        return value.detach().to(self.compute) if value.is_floating_point() else value


@dataclass(frozen=True, slots=True, eq=False)
class _Loss:
    index: int
    result: Tensor
    error: Tensor
    norm: float
    peak: float
    lost: int


def _measured(error: Tensor, norm: float, exact: Tensor, kept: Tensor) -> tuple[Tensor, float, float, int]:
    """Return the finite errors, their norm, the largest finite exact value, and how many elements overflowed."""
    if math.isfinite(norm):
        low, high = torch.aminmax(exact)
        return error, norm, max(float(-low), float(high)), 0
    finite = error.nan_to_num(0.0, 0.0, 0.0)
    lost = int((torch.isfinite(exact) & ~torch.isfinite(kept)).sum())
    return finite, float(torch.linalg.vector_norm(finite)), float(exact.abs().nan_to_num(0.0, 0.0, 0.0).max()), lost


_STORING = frozenset({"gru", "lstm", "rnn"})
"""Ops that round inside, so that rounding their exact result is not the same."""


def _same_arithmetic(step: Step, exact_step: Step) -> bool:
    """Tell whether a step gives, before it is stored, what the exact step gives."""
    mine, others = step.numerics, exact_step.numerics
    alike = getattr(mine, "arithmetic", None) == getattr(others, "arithmetic", None)
    return step.fn is exact_step.fn and alike and step.op.type not in _STORING


class _Instead(torch.autograd.Function):
    """The value of one tensor with the gradient of another."""

    @staticmethod
    def forward(ctx: Any, exact: Tensor, kept: Tensor) -> Tensor:
        """Return `kept`."""
        del ctx, exact
        return kept.detach()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Pass the gradient to `exact`."""
        del ctx
        return gradient, None


def _contributions(run: _Run, outputs: Tensors, expected: Tensors) -> dict[int, float]:
    """Return, for each result with an error, that error along the gradient of the distance."""
    ways = directions({name: output.detach() for name, output in outputs.items()}, expected)
    roots = [name for name in ways if outputs[name].requires_grad]
    if not roots or not run.losses:
        return {}
    gradients = torch.autograd.grad(
        [outputs[name] for name in roots],
        [loss.result for loss in run.losses.values()],
        [ways[name].to(outputs[name].dtype) for name in roots],
        allow_unused=True,
    )
    pairs = zip(run.losses.items(), gradients, strict=True)
    return {
        slot: float((gradient * loss.error).sum(dtype=torch.float64))
        for (slot, loss), gradient in pairs
        if gradient is not None
    }


def _error(run: _Run, slot: int, contribution: float | None) -> LocalError:
    loss = run.losses[slot]
    finite = contribution if contribution is not None and math.isfinite(contribution) else None
    return LocalError(loss.index, slot, loss.norm, loss.peak, loss.lost, finite)


def _check_same(numerics: Plan, exact: Plan) -> None:
    names = [[step.op.location for step in plan.steps] for plan in (numerics, exact)]
    if names[0] != names[1]:
        raise FormatError("two plans of one program differ in their steps", expected="plans bound without kernels")
