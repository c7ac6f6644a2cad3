"""State: which values of a program are states, where a program writes them, and what an app holds between runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from mlparity.core.errors import FormatError, InputError
from mlparity.engine.mil.program import Name, NamedType, Op, OtherType, TensorType, ValueType
from mlparity.engine.runtime.plan import Plan, StateSlots
from mlparity.engine.runtime.tensors import array_from, storage_dtype, tensor_from


def is_state(declared: ValueType) -> bool:
    """Return whether the type is a state's."""
    return isinstance(declared, OtherType) and declared.kind == "state"


def held_by(state: NamedType) -> NamedType:
    """Return the state's name with the type of what it holds."""
    inner = state.type.elements if isinstance(state.type, OtherType) else ()
    return NamedType(state.name, inner[0]) if inner else state


def state_slots(
    state: NamedType, first: int, last: int, compute: torch.dtype, described: tuple[int, ...] = ()
) -> StateSlots:
    """Return where a state is in a plan, and what it holds; `described` is its shape in the model's description.

    Raises:
        FormatError: it holds no tensor of a known shape, or another one than the description says.
    """
    held = held_by(state).type
    sizes = held.shape if isinstance(held, TensorType) and held.shape is not None else (None,)
    known = tuple(size for size in sizes if size is not None)
    fits = len(known) == len(sizes) and min(known, default=0) >= 0 and described in ((), known)
    if not isinstance(held, TensorType) or held.dtype == "string" or not fits:
        raise FormatError(
            f"the state {state.name!r} has no fixed shape, or two",
            found=str(state.type),
            expected=f"a tensor of numbers, of {described or 'known sizes'}",
            next_step="convert the model with a fixed shape for each state",
        )
    return StateSlots(first, last, known, held.dtype, storage_dtype(held.dtype, compute))


def with_open_states(plan: Plan, outputs: Mapping[str, str]) -> Plan:
    """Return the plan as a function: each state is an input, and what a run leaves there is an output.

    `outputs` names the output of each state.
    """
    types = {name: NamedType(name, TensorType(state.dtype, state.shape)) for name, state in plan.states.items()}
    entering = {name: (state.first, types[name]) for name, state in plan.states.items()}
    leaving = {
        outputs[name]: (state.last, replace(types[name], name=outputs[name])) for name, state in plan.states.items()
    }
    interface = replace(plan.interface, inputs=(*plan.interface.inputs, *plan.interface.states), states=())
    return replace(
        plan, inputs={**plan.inputs, **entering}, outputs={**plan.outputs, **leaving}, states={}, interface=interface
    )


def written_states(ops: Iterable[Op]) -> tuple[str, ...]:
    """Return the names of the states that `ops` write, nested blocks included, each once."""
    found: dict[str, None] = {}
    for op in ops:
        if op.type == "write_state":
            found |= {argument.name: None for argument in op.inputs.get("input", ()) if isinstance(argument, Name)}
        for block in op.blocks:
            found |= dict.fromkeys(written_states(block.ops))
    return tuple(found)


@dataclass(slots=True)
class ModelState:
    """What the states of one model hold between runs; it starts at zero, and each run that it is given to moves it on.

    A state belongs to the plan that made it.
    """

    plan: Plan
    tensors: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        """Start at zero.

        Raises:
            FormatError: a state's declared shape is larger than the memory.
        """
        try:
            self.tensors = {name: state.zeros(self.plan.device) for name, state in self.plan.states.items()}
        except (MemoryError, RuntimeError) as error:  # torch's own report of a lack of memory
            raise FormatError(
                "the states that the model declares do not fit into memory",
                found=", ".join(f"{name} {state.dtype}{list(state.shape)}" for name, state in self.plan.states.items()),
                next_step="the file is corrupt, or the machine is too small for the model",
            ) from error

    def read(self, name: str) -> np.ndarray:
        """Return a copy of what the state holds, fp16 widened to fp32 as outputs are.

        Raises:
            InputError: there is no such state.
        """
        dtype = self._known(name).dtype
        array = array_from(self.tensors[name], dtype)
        return array.astype(np.float32) if array.dtype == np.float16 else array.copy()

    def write(self, name: str, value: object) -> None:
        """Let the state hold `value`, narrowed to its type.

        Raises:
            InputError: there is no such state, or the value is not numeric or of another shape.
        """
        known, array = self._known(name), np.asarray(value)
        if array.dtype.kind not in "fiub" or array.shape != known.shape:
            raise InputError(
                f"the state {name!r} cannot hold this value",
                found=f"{array.dtype} of shape {array.shape}",
                expected=f"numbers of shape {known.shape}",
                next_step="pass an array of the state's shape",
            )
        with np.errstate(over="ignore"):
            narrowed = array.astype(np.float16) if known.dtype == "fp16" else array
        tensor = tensor_from(narrowed, known.dtype, self.plan.profile.compute, self.plan.device)
        self.tensors[name] = tensor.clone()

    def _known(self, name: str) -> StateSlots:
        if name not in self.plan.states:
            raise InputError(
                f"the model has no state {name!r}",
                expected=", ".join(self.plan.states) or "no state at all",
                next_step="use the state names of the model's description",
            )
        return self.plan.states[name]
