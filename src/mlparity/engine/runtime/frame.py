"""One run of steps over slots: values put in, steps run in turn, each value freed after its last use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from torch import Tensor

from mlparity.engine.runtime.plan import Plan, Slots, Step

Hook = Callable[[int, Step], None]
"""Called after each step with its index and the step, before values are freed; it may replace the step's results."""

_NO_STATES: Mapping[str, Tensor] = MappingProxyType({})


class Frame:
    """The values of one run, by slot: what `steps` read and write, and what each slot holds outside of its use."""

    __slots__ = ("initial", "slots", "steps")

    def __init__(self, steps: Sequence[Step], initial: Sequence[object]) -> None:
        """Start with nothing but the constants."""
        self.steps, self.initial = steps, initial
        self.slots: Slots = list(initial)

    @classmethod
    def of(cls, plan: Plan, inputs: Mapping[str, object], states: Mapping[str, Tensor] = _NO_STATES) -> Frame:
        """Return the frame of a run of `plan` on `inputs` by name; a state that is not given starts at zero.

        Raises:
            FormatError: a weight file has become shorter since it was opened.
        """
        frame = cls._checked(plan)
        frame.put({slot: inputs[name] for name, (slot, _) in plan.inputs.items()})
        zeros = {name: state for name, state in plan.states.items() if name not in states}
        frame.put({plan.states[name].first: value for name, value in states.items() if name in plan.states})
        frame.put({state.first: state.zeros(plan.device) for state in zeros.values()})
        return frame

    @classmethod
    def resumed(cls, plan: Plan, values: Mapping[int, object], index: int) -> Frame:
        """Return the frame of a run that stands before the step at `index`; `values` holds all results by slot.

        Raises:
            FormatError: as `of`.
        """
        frame = cls._checked(plan)
        made = (store.slot for step in plan.steps[:index] for store in step.stores)
        frame.put({slot: values[slot] for slot in (*plan.given, *made)})
        return frame

    @classmethod
    def _checked(cls, plan: Plan) -> Frame:
        for file in plan.weights:
            file.check_whole()
        return cls(plan.steps, plan.initial)

    def put(self, values: Mapping[int, object]) -> None:
        """Put values into their slots."""
        for slot, value in values.items():
            self.slots[slot] = value

    def run(self, hook: Hook | None = None, first: int = 0) -> None:
        """Run the steps from the one at `first` on.

        Raises:
            ExecutionError: an op refused its inputs.
        """
        slots, initial = self.slots, self.initial
        for index, step in enumerate(self.steps[first:] if first else self.steps, first):
            step.run(slots)
            if hook is not None:
                hook(index, step)
            for slot in step.frees:
                slots[slot] = initial[slot]

    def step(self, index: int) -> None:
        """Run one step and free nothing; `free` follows.

        Raises:
            ExecutionError: the op refused its inputs.
        """
        self.steps[index].run(self.slots)

    def free(self, index: int) -> None:
        """Free the values that the step at `index` was the last to use."""
        for slot in self.steps[index].frees:
            self.slots[slot] = self.initial[slot]

    def values(self, slots: Iterable[int]) -> dict[int, object]:
        """Return what some slots hold."""
        return {slot: self.slots[slot] for slot in slots}

    def outputs(self, plan: Plan) -> dict[str, object]:
        """Return the outputs of `plan` by name."""
        return {name: self.slots[slot] for name, (slot, _) in plan.outputs.items()}

    def states(self, plan: Plan) -> dict[str, Tensor]:
        """Return what each state of `plan` holds now."""
        return {name: cast("Tensor", self.slots[state.last]) for name, state in plan.states.items()}
