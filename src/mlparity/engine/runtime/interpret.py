"""A plan run from inputs to outputs, and what one step does: read its feeds, call its op, store the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import Parameter, signature
from operator import itemgetter

from torch import Tensor

from mlparity.core.errors import ExecutionError, MlparityError
from mlparity.engine.mil.program import Op
from mlparity.engine.ops.schema import Kind, python_value
from mlparity.engine.runtime.frame import Frame
from mlparity.engine.runtime.plan import Feed, Plan, Slots, Step, Store

Tap = Callable[[Op, str, object], None]
"""Called with each op, the name of its result, and the result as it was stored."""


def run_plan(plan: Plan, inputs: Mapping[str, Tensor], tap: Tap | None = None) -> dict[str, object]:
    """Return the outputs of one run by name, as the tensors that hold them (see `tensors.storage_dtype`).

    `inputs` maps each input's name to a tensor in its storage dtype, on the plan's device. The gradient flows through
    where the caller enables it.

    Raises:
        ExecutionError: an op refused its inputs; the text names the op and its location.
    """
    return run_stateful(plan, inputs, {}, tap)[0]


def run_stateful(
    plan: Plan, inputs: Mapping[str, Tensor], states: Mapping[str, Tensor], tap: Tap | None = None
) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Return the outputs, and what each state holds after the run; a state that is not given starts at zero.

    Raises:
        ExecutionError: as `run_plan`.
        FormatError: a weight file has become shorter since it was opened.
    """
    frame = Frame.of(plan, inputs, states)
    frame.run(None if tap is None else partial(_tapped, tap, frame.slots))
    return frame.outputs(plan), frame.states(plan)


def _tapped(tap: Tap, slots: Slots, _: int, step: Step) -> None:
    for store in step.stores:
        tap(step.op, store.output.name, slots[store.slot])


def with_runs(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps, each with the function that runs it."""
    return tuple(replace(step, run=_run_of(step)) for step in steps)


def run_step(step: Step, slots: Slots) -> None:
    """Run one step in place: read its feeds from `slots`, write its results there.

    Raises:
        ExecutionError: the op refused its inputs.
    """
    values = {feed.parameter: _value(feed, slots) for feed in step.feeds}
    try:
        result = step.fn(**step.arguments, **values)
    except MlparityError:
        raise
    except Exception as error:  # torch and numpy raise many types for inputs that do not fit
        raise _refused(step, slots, error) from error
    results = result if isinstance(result, tuple | list) and len(step.stores) > 1 else (result,)
    if len(results) != len(step.stores):
        raise _refused(step, slots, ValueError(f"{len(results)} results for {len(step.stores)} declared outputs"))
    for store, value in zip(step.stores, results, strict=True):
        slots[store.slot] = stored(store, value)


def _run_of(step: Step) -> Callable[[Slots], None]:
    """Return what does as `run_step`; where values are all tensors, and one comes out, nothing is left to look up."""
    sources = _positional(step)
    if sources is None or len(step.stores) != 1:
        return partial(run_step, step)
    bound = step.arguments
    store, call = step.stores[0], partial(step.fn, **bound) if bound else step.fn
    values_of = itemgetter(*sources) if len(sources) > 1 else _one(sources[0])
    target, held, rounds = store.slot, store.held, store.numerics is not None

    def run(slots: Slots) -> None:
        try:
            result = call(*values_of(slots))
        except MlparityError:
            raise
        except Exception as error:
            raise _refused(step, slots, error) from error
        is_done = not rounds and isinstance(result, Tensor) and result.dtype is held
        slots[target] = result if is_done else stored(store, result)

    return run


def _positional(step: Step) -> tuple[int, ...] | None:
    """Return the slots of a step's tensors in the order of its function's first parameters, None where they are not.

    Passing by position costs less than by name.
    """
    slots = {feed.parameter: feed.slots[0] for feed in step.feeds if feed.kind is Kind.TENSOR}
    parameters = list(signature(step.fn).parameters.values())[: len(step.feeds)]
    first = [parameter.name for parameter in parameters if parameter.kind is Parameter.POSITIONAL_OR_KEYWORD]
    fits = bool(first) and len(slots) == len(step.feeds) and set(first) == set(slots)
    return tuple(slots[name] for name in first) if fits else None


def _one(slot: int) -> Callable[[Slots], tuple[object]]:
    return lambda slots: (slots[slot],)


def _value(feed: Feed, slots: Slots) -> object:
    if feed.kind in (Kind.TENSOR, Kind.LIST, Kind.STATE):
        return slots[feed.slots[0]]
    if feed.kind is Kind.TENSORS:
        return [slots[slot] for slot in feed.slots]
    return python_value([slots[slot] for slot in feed.slots], feed.kind)


def stored(store: Store, result: object) -> object:
    """Return a result as its store keeps it: in the storage dtype, and rounded where the store rounds."""
    if store.held is None or not isinstance(result, Tensor):
        return result
    if store.in_place and store.numerics is not None and result.dtype is store.held:
        return store.numerics.store_in_place(result)
    if store.numerics is not None:
        return store.numerics.store(result if result.is_floating_point() else result.to(store.held))
    return result if result.dtype is store.held else result.to(store.held)


def _refused(step: Step, slots: Slots, error: Exception) -> ExecutionError:
    values = {feed.parameter: _value(feed, slots) for feed in step.feeds}
    shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in values.items() if isinstance(value, Tensor))
    return ExecutionError(
        f"the op {step.op.type!r} could not run: {error}",
        where=f"op {step.op.location!r}",
        found=shapes,
        next_step="check the inputs' shapes; if they are right, the model or the engine is at fault: report it",
    )
