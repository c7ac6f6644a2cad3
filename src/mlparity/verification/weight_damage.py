"""What storing each weight in fewer bits does to the outputs: expected to first order, and as a run in wide arithmetic.

The wide run of a package with some of its weights replaced is a draft: it costs a tenth of a run in a setting, and of
two ways to compress tells which is worse. What passes is decided on real packages alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlparity.core.session import Closing, Outputs, Sample, Signature
from mlparity.core.source import Source
from mlparity.diagnose.compressed_weights import compressed
from mlparity.diagnose.sensitivity import sensitivities, weight_slots
from mlparity.engine.runtime.features import tensors_from_features
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan
from mlparity.sessions.checked import fitted
from mlparity.targets.target import EngineSession
from mlparity.verification.explain_package import open_reference, plans_of


class Damages(Closing):
    """The weights of a package and how much the outputs move with each of their numbers; `folder` keeps others."""

    def __init__(self, package: Path, source: Source, names: Sequence[str], folder: Path) -> None:
        """Bind the package in wide arithmetic."""
        self._session = open_reference(package, source.input_names)
        self._plans = plans_of(package, None, self._session.states)
        self._slots = weight_slots(self._plan, set(names))
        self._weights = {name: _held(self._plan.initial[slot]) for name, slot in self._slots.items()}
        self._squares: dict[str, Tensor] = {}
        self._folder = folder
        self._kept: dict[tuple[str, str], Path] = {}

    @property
    def _plan(self) -> Plan:
        return self._plans.exact

    def sense(self, samples: Sequence[Sample]) -> None:
        """Run the package forwards and backwards on each sample, which has the state before it."""
        inputs = [self._inputs(self._plans.with_held(sample)) for sample in samples]
        wide = [{name: _wide(value, self._plan.profile.compute) for name, value in each.items()} for each in inputs]
        self._squares = sensitivities(self._plan, self._slots, wide)

    def of(self, way: str, package: Path) -> dict[str, float]:
        """Return the damage of each weight as a compressed copy of the package stores it; none of those it does not.

        The numbers that the copy stands for are kept under the name of the way.
        """
        found = {}
        for each in compressed(plans_of(package, None, self._session.states).exact):
            name = max((name for name in self._weights if each.key.startswith(name)), key=len, default="")
            if name and each.value.shape == self._weights[name].shape:
                moved = each.value.double() - self._weights[name].double()
                found[name] = float((self._squares[name] * moved.square()).sum())
                self._keep(way, name, each.value)
        return found

    def _keep(self, way: str, name: str, value: Tensor) -> None:
        path = self._folder / f"{len(self._kept)}.npy"
        np.save(path, value.numpy().astype(np.float16), allow_pickle=False)
        self._kept[way, name] = path

    def draft(self, choice: Mapping[str, str]) -> Draft:
        """Return a session of the package whose weights are stored as `choice` says, in wide arithmetic."""
        initial = list(self._plan.initial)
        for name, way in choice.items():
            if (way, name) in self._kept:
                stored = torch.from_numpy(np.load(self._kept[way, name], allow_pickle=False))
                initial[self._slots[name]] = stored.to(self._weights[name].dtype)
        return Draft(self._session, replace(self._plan, initial=tuple(initial)))

    def _inputs(self, sample: Sample) -> dict[str, Tensor]:
        session = self._session
        features = session.features(fitted(sample, session.signature.inputs, session.runtime))
        return tensors_from_features(self._plan, features)

    def close(self) -> None:
        """Close the package, and delete what was kept."""
        self._session.close()
        for path in self._kept.values():
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, eq=False)
class Draft(Closing):
    """A program with other weights, in wide arithmetic; it shares the session of the package, which stays open."""

    _session: EngineSession
    _plan: Plan

    @property
    def signature(self) -> Signature:
        """The package's."""
        return self._session.signature

    @property
    def runtime(self) -> str:
        """The engine's."""
        return self._session.runtime

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample."""
        inputs = tensors_from_features(self._plan, self._session.features(sample))
        with torch.no_grad():
            found = run_plan(self._plan, inputs)
        return {name: value.numpy() for name, value in found.items() if isinstance(value, Tensor)}

    def close(self) -> None:
        """Leave the package open."""


def _wide(value: Tensor, width: torch.dtype) -> Tensor:
    return value.to(width) if value.is_floating_point() else value


def _held(value: object) -> Tensor:
    assert isinstance(value, Tensor)  # noqa: S101 - see `weight_slots`
    return value


def options_of(damages: Mapping[str, Mapping[str, float]], weight: str) -> dict[str, float]:
    """Return the damage of one weight by the compression, of those that store it."""
    return {name: found[weight] for name, found in damages.items() if weight in found}
