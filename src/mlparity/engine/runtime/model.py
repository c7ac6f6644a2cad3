"""`Model` and `Pipeline`: a package loaded, bound once, and run as often as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from mlparity.core.errors import InputError
from mlparity.engine.mil.program import Interface
from mlparity.engine.runtime.features import features_from_outputs, tensors_from_features
from mlparity.engine.runtime.interpret import Tap, run_stateful
from mlparity.engine.runtime.plan import Plan
from mlparity.engine.runtime.states import ModelState


@dataclass(frozen=True, slots=True)
class Model:
    """A bound plan with an app's view of inputs and outputs; `tap` sees every result of every run."""

    plan: Plan
    tap: Tap | None = None

    def predict(self, data: Mapping[str, object], state: ModelState | None = None) -> dict[str, object]:
        """Return the outputs for one set of features; see `features` for what goes in and comes out.

        `state` moves on to what the run leaves behind; nothing changes where the run fails.

        Raises:
            InputError: the features do not fit, or the model has state and none of its own is given.
        """
        self._check(state)
        inputs = tensors_from_features(self.plan, data)
        with torch.inference_mode():
            outputs, states = run_stateful(self.plan, inputs, {} if state is None else state.tensors, self.tap)
        if state is not None:
            state.tensors = states
        return features_from_outputs(self.plan, outputs)

    def let_go(self) -> None:
        """Let the system take back the memory of weights that were packed, and are read no more."""
        for file in self.plan.weights:
            file.let_go()

    def make_state(self) -> ModelState:
        """Return a new state, all zero.

        Raises:
            InputError: the model has no state.
        """
        if not self.plan.states:
            raise InputError("the model has no state", next_step="predict without one")
        return ModelState(self.plan)

    def _check(self, state: ModelState | None) -> None:
        if self.plan.states and state is None:
            raise InputError(
                "the model has state, and none is given",
                expected=", ".join(self.plan.states),
                next_step="pass state=model.make_state() to predict",
            )
        if state is not None and state.plan is not self.plan:
            raise InputError("the state is not this model's", next_step="make one with this model's make_state()")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Models that run in turn: each takes its inputs from the pipeline's and from the outputs of those before it."""

    models: tuple[Model, ...]
    interface: Interface

    def predict(self, data: Mapping[str, object], state: ModelState | None = None) -> dict[str, object]:
        """Return the pipeline's outputs for one set of features.

        Raises:
            InputError: an unknown name, features that do not fit a stage, or a state, which a pipeline has not.
        """
        known = [feature.name for feature in self.interface.inputs]
        unknown = sorted(set(data) - set(known))
        if unknown or state is not None:
            found = f"the input {unknown[0]!r}" if unknown else "a state"
            raise InputError("the pipeline does not take this", found=found, expected=", ".join(known))
        features = dict(data)
        for model in self.models:
            names = [feature.name for feature in model.plan.interface.inputs]
            features |= model.predict({name: features[name] for name in names if name in features})
        return {feature.name: features[feature.name] for feature in self.interface.outputs if feature.name in features}

    def let_go(self) -> None:
        """Do as each of the models."""
        for model in self.models:
            model.let_go()

    def make_state(self) -> ModelState:
        """Raise: the state of a stage is not the pipeline's.

        Raises:
            InputError: always.
        """
        raise InputError("a pipeline has no state", next_step="predict without one, or run its models one by one")
