"""The states of a package as inputs and outputs: a run is given what each holds, and returns what it leaves there.

So every run stands alone, and whoever calls keeps the state; see `mlparity.sessions.carrying`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlparity.core.session import Sample, TensorSpec


def state_specs(description: Any) -> tuple[TensorSpec, ...]:
    """Return the states of a model's description, under its own names; Core ML stores fp16, and gives out fp32.

    Source: coremltools 9.0, `MLState.read_state` and `StateType`.
    """
    features = getattr(description, "state", ())
    return tuple(TensorSpec(each.name, _shape(each), "float32", is_state=True) for each in features)


def _shape(feature: Any) -> tuple[int, ...]:
    return tuple(feature.type.stateType.arrayType.shape)


def names_of_states(own: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """Return each state's name as the caller knows it, to the package's own.

    A converter writes a buffer's whole path with underscores, so the names are compared by how they end; where that
    does not tell, the last of `wanted` are the states, in the package's order.
    """
    if len(wanted) < len(own):
        return {name: name for name in own}
    by_end = {name: [each for each in own if each == name or each.endswith(f"_{name}")] for name in wanted}
    found = {name: owns[0] for name, owns in by_end.items() if len(owns) == 1}
    if len(found) == len(set(found.values())) == len(own):
        return found
    return dict(zip(wanted[len(wanted) - len(own) :], own, strict=True)) if own else {}


def held_by(model: Any, states: Mapping[str, str], sample: Sample) -> Any:
    """Return a state of `model` that holds what the sample says, None where the model has no state."""
    if not states:
        return None
    state = model.make_state()
    for name, own in states.items():
        state.write_state(own, sample[name])
    return state
