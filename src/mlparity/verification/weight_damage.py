"""What storing each weight in fewer bits is expected to do to the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor

from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.diagnose.compressed_weights import compressed
from mlparity.diagnose.sensitivity import sensitivities, weight_slots
from mlparity.engine.runtime.features import tensors_from_features
from mlparity.sessions.checked import fitted
from mlparity.verification.explain_package import open_reference, plans_of


class Damages:
    """The weights of a package and how much the outputs move with each of their numbers."""

    def __init__(self, package: Path, source: Source, samples: Sequence[Sample], names: Sequence[str]) -> None:
        """Run the package forwards and backwards on each sample."""
        with closing(open_reference(package, source.input_names)) as session:
            plan = plans_of(package, None, session.states).exact
            given = [session.features(fitted(each, session.signature.inputs, session.runtime)) for each in samples]
            inputs = [tensors_from_features(plan, features) for features in given]
        slots = weight_slots(plan, set(names))
        wide = [{name: _wide(value, plan.profile.compute) for name, value in each.items()} for each in inputs]
        self._squares = sensitivities(plan, slots, wide)
        self._weights = {name: _held(plan.initial[slot]) for name, slot in slots.items()}

    def of(self, package: Path) -> dict[str, float]:
        """Return the damage of each weight as a compressed copy of the package stores it; none of those it does not."""
        found = {}
        for each in compressed(plans_of(package).exact):
            name = max((name for name in self._weights if each.key.startswith(name)), key=len, default="")
            if name and each.value.shape == self._weights[name].shape:
                moved = each.value.double() - self._weights[name].double()
                found[name] = float((self._squares[name] * moved.square()).sum())
        return found


def _wide(value: Tensor, width: torch.dtype) -> Tensor:
    return value.to(width) if value.is_floating_point() else value


def _held(value: object) -> Tensor:
    assert isinstance(value, Tensor)  # noqa: S101 - see `weight_slots`
    return value


def options_of(damages: Mapping[str, Mapping[str, float]], weight: str) -> dict[str, float]:
    """Return the damage of one weight by the compression, of those that store it."""
    return {name: found[weight] for name, found in damages.items() if weight in found}
