"""`Model`: a package loaded, bound once, and run as often as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from mlparity.core.errors import InputError
from mlparity.engine.mil.reader import read_program
from mlparity.engine.numerics import TYPED, Profile
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.features import features_from_outputs, tensors_from_features
from mlparity.engine.runtime.interpret import run_stateful
from mlparity.engine.runtime.plan import Plan
from mlparity.engine.runtime.states import ModelState


@dataclass(frozen=True, slots=True)
class Model:
    """A bound plan with an app's view of inputs and outputs."""

    plan: Plan

    def predict(self, data: Mapping[str, object], state: ModelState | None = None) -> dict[str, object]:
        """Return the outputs for one set of features; see `features` for what goes in and comes out.

        `state` moves on to what the run leaves behind; nothing changes where the run fails.

        Raises:
            InputError: the features do not fit, or the model has state and none of its own is given.
        """
        self._check(state)
        inputs = tensors_from_features(self.plan, data)
        with torch.inference_mode():
            outputs, states = run_stateful(self.plan, inputs, {} if state is None else state.tensors)
        if state is not None:
            state.tensors = states
        return features_from_outputs(self.plan, outputs)

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


def load_model(path: Path, profile: Profile = TYPED, function: str | None = None) -> Model:
    """Return the model in the package at `path`, bound to `profile`.

    Raises:
        FormatError: the package cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """
    return Model(bind(read_program(path), profile, function, kernels=True))
