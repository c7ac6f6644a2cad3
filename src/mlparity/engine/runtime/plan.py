"""The plan: a function bound to one profile, as steps over numbered slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mlparity.engine.mil.program import Function, Interface, NamedType, Op
from mlparity.engine.mil.weights import WeightFile
from mlparity.engine.numerics import Numerics, Profile
from mlparity.engine.ops.schema import Kind

if TYPE_CHECKING:
    from mlparity.engine.ops.registry import OpDef

Slots = list[object]
"""The values of one run by slot number; None before a value is made and after its last use."""


def _not_final(_: Slots) -> None:
    raise RuntimeError("this step is not final: see interpret.with_runs")


@dataclass(frozen=True, slots=True)
class Feed:
    """How one parameter of a step gets its value from slots at run time."""

    parameter: str
    slots: tuple[int, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Store:
    """Where one result goes: its slot, its name and type, the torch type that holds it, and how it is rounded.

    `held` is None for a result that is no tensor; `numerics` is None where nothing is rounded. `in_place` says that
    the step alone holds the result, so that it may be rounded where it is.
    """

    slot: int
    output: NamedType
    held: torch.dtype | None
    numerics: Numerics | None
    in_place: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One op, ready to run: constants bound, feeds by slot, and the slots whose last use this is.

    `numerics` is the arithmetic that `fn` takes as `num`, None where it takes none. `run` does all of it on the slots
    of one run; `interpret.with_runs` sets it once the step is final.
    """

    op: Op
    definition: OpDef
    fn: Callable[..., object]
    constants: Mapping[str, object]
    feeds: tuple[Feed, ...]
    stores: tuple[Store, ...]
    numerics: Numerics | None = None
    frees: tuple[int, ...] = ()
    run: Callable[[Slots], None] = _not_final

    @property
    def arguments(self) -> dict[str, object]:
        """What `fn` is given besides what it is fed, by parameter."""
        return {**self.constants} if self.numerics is None else {**self.constants, "num": self.numerics}


@dataclass(frozen=True, slots=True)
class StateSlots:
    """Where a state is as a run starts and as it ends, the shape of what it holds, and its MIL and torch types."""

    first: int
    last: int
    shape: tuple[int, ...]
    dtype: str
    held: torch.dtype

    def zeros(self, device: torch.device) -> Tensor:
        """Return what the state holds before its first run."""
        return torch.zeros(self.shape, dtype=self.held, device=device)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A function ready to run: its steps, the constants in their slots, and where inputs and outputs are.

    `initial` holds the slots as a run starts: folded constants in place, None elsewhere. A plan is never changed,
    so one plan serves any number of runs and threads. `weights` are the files that its constants may be views of.
    """

    function: Function
    interface: Interface
    profile: Profile
    device: torch.device
    steps: tuple[Step, ...]
    initial: tuple[Tensor | object | None, ...]
    inputs: Mapping[str, tuple[int, NamedType]]
    outputs: Mapping[str, tuple[int, NamedType]]
    states: Mapping[str, StateSlots] = field(default_factory=dict)
    weights: tuple[WeightFile, ...] = ()

    @property
    def given(self) -> tuple[int, ...]:
        """The slots that a run starts with: of the inputs and of the states."""
        return (*(slot for slot, _ in self.inputs.values()), *(state.first for state in self.states.values()))

    @property
    def results(self) -> Iterator[int]:
        """The slots of all results, in the order in which they are made."""
        return (store.slot for step in self.steps for store in step.stores)
