"""Sources and models loaded in one call, as tests and benchmarks need them."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.engine.numerics import TYPED, Profile
from mlparity.engine.reading import read_stages
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.model import Model, Pipeline
from mlparity.sources.load import flatten_source, load_module


def load_source(
    spec: str | nn.Module, sample: Sample | None = None, *, eval_mode: bool = False, trust: bool = False
) -> Source:
    """Load a module and give it the flat form, with `sample`, or that of a .pt2 file, as its first inputs."""
    return flatten_source(load_module(spec, eval_mode=eval_mode, trust=trust), sample)


def load_model(path: Path, profile: Profile = TYPED, function: str | None = None) -> Model | Pipeline:
    """Return the model in a package, bound to `profile` with the optimised steps."""
    stages, interface = read_stages(path)
    models = tuple(Model(bind(stage, profile, function, kernels=True)) for stage in stages)
    return models[0] if len(models) == 1 else Pipeline(models, interface)
