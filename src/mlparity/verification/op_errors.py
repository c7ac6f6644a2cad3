"""Errors op by op, for viewers of graphs: on an artifact's own graph, and on that of an exported program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from torch import Tensor

from mlparity.core.errors import MlparityError
from mlparity.core.progress import Progress
from mlparity.core.session import Sample
from mlparity.diagnose.op_errors import OpError, op_errors
from mlparity.diagnose.substitution import values_of
from mlparity.engine.runtime.features import tensors_from_features
from mlparity.record.op_errors import GraphErrors, NodeError
from mlparity.record.record import Artifact, Record
from mlparity.record.rows import RowState
from mlparity.sessions.checked import fitted
from mlparity.sessions.torch_following import follow_source, graph_of
from mlparity.targets.table import checked_target, target_named
from mlparity.targets.target import Opening
from mlparity.verification.explain_package import open_reference, plans_of
from mlparity.verification.job import Job


def graph_errors(job: Job, record: Record, progress: Progress) -> tuple[tuple[GraphErrors, ...], tuple[str, ...]]:
    """Return the errors of each artifact that was compared, by the graphs that show them, and why others have none."""
    compared = {row.artifact for row in record.settings if row.state is RowState.COMPARED}
    artifacts = [artifact for artifact in record.artifacts if artifact.path in compared]
    found: list[GraphErrors] = []
    notes: list[str] = []
    name, sample = next(iter(job.samples))
    for index, artifact in enumerate(artifacts):
        progress("node data", index, len(artifacts))
        try:
            found += _of_artifact(job, artifact, name, job.given(name, sample), sample)
        except MlparityError as error:
            notes.append(f"no node data of {artifact.path}: {str(error).splitlines()[0]}")
    return tuple(found), tuple(notes)


def _of_artifact(job: Job, artifact: Artifact, name: str, given: Sample, sample: Sample) -> Iterator[GraphErrors]:
    """Yield the errors on the artifact's own graph, where its runtime tells values, and on an exported program's."""
    is_traced = checked_target(job.stage / artifact.path).tracing is not None
    is_program = graph_of(job.source) is not None
    if not is_traced and not is_program:
        return
    values = _values(job, job.stage / artifact.path, given)
    errors = op_errors(lambda shown: follow_source(job.source, sample, shown), values)
    if is_traced:
        yield GraphErrors(artifact.path, artifact.path, name, len(values), _by_value(errors))
    if is_program:
        graph = Path(job.source.location).name
        yield GraphErrors(graph, artifact.path, name, len(values), _by_op(errors))


def _by_value(errors: tuple[OpError, ...]) -> tuple[NodeError, ...]:
    return tuple(NodeError(each.value, each.type, each.local, each.accumulated) for each in errors)


def _by_op(errors: tuple[OpError, ...]) -> tuple[NodeError, ...]:
    return tuple(NodeError(each.op, each.type, each.local, each.accumulated) for each in errors)


def _values(job: Job, path: Path, given: Sample) -> Mapping[str, np.ndarray]:
    """Return what the artifact's ops give on a sample, by name."""
    target = checked_target(path)
    if target_named(target.name).engine is not None:
        return _of_engine(path, given, job.source.input_names)
    if target.tracing is None:
        return {}
    trace = target.tracing.trace(path, Opening(None, job.source.input_names, job.source.output_names), given)
    made = {result for op in trace.ops for result in op.results}
    return {trace.titles.get(name, name): trace.values[name] for name in trace.values if name in made}


def _of_engine(path: Path, given: Sample, input_names: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    plan = plans_of(path).numerics
    with closing(open_reference(path, input_names)) as session:
        sample = fitted(given, session.signature.inputs, session.runtime)
        inputs = tensors_from_features(plan, session.features(sample))
    values = values_of(plan, inputs)
    return {
        store.output.name: value.double().numpy(force=True)
        for step in plan.steps
        for store in step.stores
        if isinstance(value := values.get(store.slot), Tensor) and value.is_floating_point()
    }
