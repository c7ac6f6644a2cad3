"""Why an artifact that its own runtime runs differs, from the artifact and some samples alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mlparity.compare.align import align
from mlparity.core.change import Change
from mlparity.core.errors import MlparityError
from mlparity.core.graph_trace import GraphTrace
from mlparity.core.session import Outputs, Sample, Session
from mlparity.core.shortages import note_shortage
from mlparity.core.source import Source
from mlparity.core.trace import SourceTrace
from mlparity.diagnose.by_changes import Sides
from mlparity.diagnose.distance import Tensors
from mlparity.diagnose.explain_graph import GraphCase, begins_at, explain_graph
from mlparity.diagnose.other_samples import Sampled, explain_samples
from mlparity.diagnose.other_weights import Weights
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation
from mlparity.record.policy import NOISE_FACTOR
from mlparity.sessions import torch as torch_session
from mlparity.sessions.checked import run_checked
from mlparity.sessions.torch_changes import fast_layers, named_weights, run_changed, with_weights
from mlparity.sessions.torch_variants import run_in_training_mode
from mlparity.targets.table import checked_target
from mlparity.targets.target import Opening, Target
from mlparity.verification.source_runs import noise_of_source, traced, traces_of_others


@dataclass(frozen=True, slots=True, eq=False)
class _Artifact:
    """An artifact of a target, the source beside it, and how it is opened."""

    path: Path
    target: Target
    source: Source

    @property
    def opening(self) -> Opening:
        return Opening(None, self.source.input_names, self.source.output_names)

    def session(self) -> Session:
        """Return a session of the artifact."""
        return self.target.open_artifact(self.path, self.opening)

    def trace(self, sample: Sample) -> GraphTrace | None:
        """Return the values inside, None where its runtime does not tell them."""
        support = self.target.tracing
        try:
            return None if support is None else support.trace(self.path, self.opening, sample)
        except MlparityError as error:
            note_shortage(error)
            return None

    def by_reference(self, sample: Sample) -> Outputs | None:
        support = self.target.tracing
        if support is None or support.run_by_reference is None:
            return None
        try:
            return support.run_by_reference(self.path, self.opening, sample)
        except MlparityError as error:
            note_shortage(error)
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
    with closing(artifact.session()) as session:
        outputs = {name: run_checked(session, sample) for name, sample in samples.items()}
        pairs = {name: (_expected(source, sample), outputs[name]) for name, sample in samples.items()}
        for expected, found in pairs.values():
            paired = align(expected, found)
            if paired.unlike or paired.problems:
                names = {"target": artifact.target.title, "reasons": "; ".join((*paired.unlike, *paired.problems))}
                kind = CauseKind.CONVERTER if paired.unlike else CauseKind.UNKNOWN
                return (Cause(kind, (Evidence(Observation.OUTPUTS_NOT_COMPARED, {}, names),)),)
        looked_at = {**(beside or {}), **samples}
        cases = {
            name: _Run(artifact, session, sample, sample, noise_factor).case(
                *pairs[name], partial(traces_of_others, source, looked_at, name)
            )
            for name, sample in samples.items()
        }
        sampled = [
            Sampled(name, case.sides.whole, case.floor, partial(begins_at, case), partial(explain_graph, case))
            for name, case in cases.items()
        ]
        worst = max(sampled, key=lambda each: each.whole)
        return explain_samples(worst, [each for each in sampled if each is not worst])


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One sample of the source, and what the artifact is given for it."""

    artifact: _Artifact
    session: Session
    sample: Sample
    given: Sample
    noise_factor: float
    change: Change = field(default_factory=Change)

    def case(
        self, expected: Outputs, outputs: Outputs, others: Callable[[], Sequence[SourceTrace]] = tuple
    ) -> GraphCase:
        """Return all that is needed to explain what the artifact gives beside what the source gives."""
        source, sample = self.artifact.source, self.sample
        found, wanted = map(_tensors, _renamed(expected, outputs))
        trace = traced(source, sample, self.change)
        sides = Sides(
            found,
            wanted,
            trace if trace is not None else SourceTrace((), (), ()),
            _under(self.artifact.trace(self.given), dict(align(expected, outputs).pairs)),
            lambda change: _perhaps(run_changed(source, sample, self.change.with_others(change))),
            others,
            named_weights(source),
        )
        return GraphCase(
            self.artifact.target.title,
            sides,
            self.noise_factor * noise_of_source(source, sample, _expected(source, sample)),
            lambda: _perhaps(run_changed(source, sample, Change(), double=False)),
            fast_layers(source),
            lambda: _perhaps(run_in_training_mode(source, sample)),
            lambda: _of_reference(self.artifact, self.given, expected),
            partial(self._with_weights, outputs),
            _tensors(self.given),
            partial(self._outputs, expected),
            partial(self._changed, outputs),
            partial(self._on_inputs, expected),
        )

    def _with_weights(self, outputs: Outputs, weights: Weights) -> GraphCase | None:
        other = with_weights(self.artifact.source, weights)
        if other is None:
            return None
        changed = replace(self, artifact=replace(self.artifact, source=other))
        return replace(changed.case(_expected(other, self.sample), outputs), with_weights=lambda _: None)

    def _outputs(self, expected: Outputs, inputs: Tensors) -> Tensors | None:
        """Return what the artifact gives on other inputs."""
        given = {name: value.numpy() for name, value in inputs.items()}
        try:
            return _tensors(_renamed(expected, run_checked(self.session, given))[0])
        except MlparityError as error:
            note_shortage(error)
            return None

    def _changed(self, outputs: Outputs, change: Change) -> GraphCase | None:
        expected = run_changed(self.artifact.source, self.sample, change, double=False)
        return None if expected is None else replace(self, change=change).case(expected, outputs)

    def _on_inputs(self, expected: Outputs, inputs: Tensors) -> GraphCase | None:
        given = {name: value.numpy() for name, value in inputs.items()}
        try:
            return replace(self, given=given).case(expected, run_checked(self.session, given))
        except MlparityError as error:
            note_shortage(error)
            return None


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


def _perhaps(outputs: Outputs | None) -> dict[str, Tensor] | None:
    return None if outputs is None else _tensors(outputs)


def _of_reference(artifact: _Artifact, sample: Sample, expected: Outputs) -> dict[str, Tensor] | None:
    outputs = artifact.by_reference(sample)
    return None if outputs is None else _tensors(_renamed(expected, outputs)[0])


def _tensors(outputs: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in outputs.items()}
