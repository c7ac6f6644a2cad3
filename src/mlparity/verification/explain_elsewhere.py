"""Why an artifact that its own runtime runs differs, from the artifact and some samples alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlparity.compare.align import align
from mlparity.core.change import Change
from mlparity.core.errors import MlparityError
from mlparity.core.graph_trace import GraphTrace
from mlparity.core.session import Outputs, Sample
from mlparity.core.source import Source
from mlparity.core.trace import SourceTrace
from mlparity.diagnose.by_changes import Sides
from mlparity.diagnose.distance import distance
from mlparity.diagnose.explain_graph import GraphCase, explain_graph
from mlparity.diagnose.other_weights import Weights
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.policy import NOISE_FACTOR
from mlparity.sessions import torch as torch_session
from mlparity.sessions.checked import run_checked
from mlparity.sessions.torch_changes import fast_layers, named_weights, run_changed, with_weights
from mlparity.sessions.torch_variants import run_in_training_mode
from mlparity.targets.artifacts import checked_target
from mlparity.targets.target import Opening, Target
from mlparity.verification.explain_package import noise_of_source, traced, traces_of_others


@dataclass(frozen=True, slots=True, eq=False)
class _Artifact:
    """An artifact of a target, the source beside it, and how it is opened."""

    path: Path
    target: Target
    source: Source

    @property
    def opening(self) -> Opening:
        return Opening(None, self.source.input_names, self.source.output_names)

    def outputs(self, samples: Mapping[str, Sample]) -> dict[str, Outputs]:
        with closing(self.target.open_artifact(self.path, self.opening)) as session:
            return {name: run_checked(session, sample) for name, sample in samples.items()}

    def trace(self, sample: Sample) -> GraphTrace | None:
        """Return the values inside, None where its runtime does not tell them."""
        support = self.target.tracing
        try:
            return None if support is None else support.trace(self.path, self.opening, sample)
        except MlparityError:
            return None

    def by_reference(self, sample: Sample) -> Outputs | None:
        support = self.target.tracing
        if support is None or support.run_by_reference is None:
            return None
        try:
            return support.run_by_reference(self.path, self.opening, sample)
        except MlparityError:
            return None


def explain_elsewhere(
    path: Path,
    source: Source,
    samples: Mapping[str, Sample],
    noise_factor: float = NOISE_FACTOR,
    beside: Mapping[str, Sample] | None = None,
) -> tuple[Cause, ...]:
    """Return why an artifact differs from `source` where it does so most, by its own runtime's values.

    Raises:
        MlparityError: the artifact or a sample cannot be used.
    """
    artifact = _Artifact(path, checked_target(path), source)
    outputs = artifact.outputs(samples)
    pairs = {name: (_expected(source, sample), outputs[name]) for name, sample in samples.items()}
    for expected, found in pairs.values():
        paired = align(expected, found)
        if paired.unlike or paired.problems:
            names = {"target": artifact.target.title, "reasons": "; ".join((*paired.unlike, *paired.problems))}
            kind = CauseKind.CONVERTER if paired.unlike else CauseKind.UNKNOWN
            return (Cause(kind, (Evidence(Observation.OUTPUTS_NOT_COMPARED, {}, names),)),)
    worst = max(pairs, key=lambda name: distance(*map(_tensors, _renamed(*pairs[name]))))
    return explain_graph(_case(artifact, samples, worst, *pairs[worst], noise_factor, beside or {}))


def _case(
    artifact: _Artifact,
    samples: Mapping[str, Sample],
    worst: str,
    expected: Outputs,
    outputs: Outputs,
    noise_factor: float,
    beside: Mapping[str, Sample],
) -> GraphCase:
    source, sample = artifact.source, samples[worst]
    found, wanted = map(_tensors, _renamed(expected, outputs))
    names = dict(align(expected, outputs).pairs)
    trace = traced(source, sample)
    sides = Sides(
        found,
        wanted,
        trace if trace is not None else SourceTrace((), (), ()),
        _under(artifact.trace(sample), names),
        partial(_rerun, source, sample),
        partial(traces_of_others, source, {**beside, **samples}, worst),
        named_weights(source),
    )
    return GraphCase(
        artifact.target.title,
        sides,
        noise_factor * noise_of_source(source, sample, expected),
        partial(_rerun, source, sample, Change(), double=False),
        fast_layers(source),
        lambda: _perhaps(run_in_training_mode(source, sample)),
        lambda: _of_reference(artifact, sample, expected),
        partial(_with_weights, artifact, sample, worst, outputs, noise_factor),
    )


def _with_weights(
    artifact: _Artifact, sample: Sample, worst: str, outputs: Outputs, noise_factor: float, weights: Weights
) -> GraphCase | None:
    other = with_weights(artifact.source, weights)
    if other is None:
        return None
    expected = _expected(other, sample)
    found = _case(replace(artifact, source=other), {worst: sample}, worst, expected, outputs, noise_factor, {})
    return replace(found, with_weights=lambda _: None)


def _expected(source: Source, sample: Sample) -> Outputs:
    with torch_session.open(source) as narrow:
        return narrow.run(sample)


def _renamed(expected: Outputs, found: Outputs) -> tuple[Outputs, Outputs]:
    """Return the artifact's outputs under the source's names, and the source's, those that both have."""
    pairs = align(expected, found).pairs
    return {name: found[other] for name, other in pairs}, {name: expected[name] for name, _ in pairs}


def _under(graph: GraphTrace | None, names: Mapping[str, str]) -> GraphTrace | None:
    if graph is None:
        return None
    outputs = {name: graph.outputs[own] for name, own in names.items() if own in graph.outputs}
    return GraphTrace(graph.ops, graph.values, graph.constants, graph.inputs, outputs)


def _rerun(source: Source, sample: Sample, change: Change, *, double: bool = True) -> dict[str, Tensor] | None:
    return _perhaps(run_changed(source, sample, change, double=double))


def _perhaps(outputs: Outputs | None) -> dict[str, Tensor] | None:
    return None if outputs is None else _tensors(outputs)


def _of_reference(artifact: _Artifact, sample: Sample, expected: Outputs) -> dict[str, Tensor] | None:
    outputs = artifact.by_reference(sample)
    return None if outputs is None else _tensors(_renamed(expected, outputs)[0])


def _tensors(outputs: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in outputs.items()}
