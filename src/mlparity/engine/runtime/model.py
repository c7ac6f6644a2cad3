"""`Model`: a package loaded, bound once, and run as often as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from mlparity.engine.mil.reader import read_program
from mlparity.engine.numerics import TYPED, Profile
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.features import features_from_outputs, tensors_from_features
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan


@dataclass(frozen=True, slots=True)
class Model:
    """A bound plan with an app's view of inputs and outputs."""

    plan: Plan

    def predict(self, data: Mapping[str, object]) -> dict[str, object]:
        """Return the outputs for one set of features; see `features` for what goes in and comes out."""
        inputs = tensors_from_features(self.plan, data)
        with torch.inference_mode():
            outputs = run_plan(self.plan, inputs)
        return features_from_outputs(self.plan, outputs)


def load_model(path: Path, profile: Profile = TYPED, function: str | None = None) -> Model:
    """Return the model in the package at `path`, bound to `profile`.

    Raises:
        FormatError: the package cannot be read.
        UnsupportedOpError: the engine lacks one of its ops.
    """
    return Model(bind(read_program(path), profile, function, kernels=True))
