"""`verify`: convert, run source and artifacts on the same samples, compare, explain, and write the proof down."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path

from torch import nn

from mlparity import __version__
from mlparity.api.artifacts import Made, make_artifacts
from mlparity.api.diagnosis import diagnose
from mlparity.api.options import VerifyOptions
from mlparity.api.rows import NewComparer, Rows, close_rows, compare_samples, open_rows
from mlparity.api.samples import choose_samples
from mlparity.api.staging import staged_folder
from mlparity.backends import torch as torch_backend
from mlparity.backends.carrying import CarryingSession
from mlparity.compare.comparer import Comparer
from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.policy_file import load_policy
from mlparity.compare.recommend import recommend
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import judge_all
from mlparity.core.policy import Policy
from mlparity.core.progress import Progress, silent
from mlparity.core.record import SCHEMA_VERSION, Record, SamplesInfo, SourceInfo
from mlparity.core.session import SampleSet, Session
from mlparity.core.source import Source
from mlparity.diagnose.ladder import find_cause, row_to_explain
from mlparity.record.files import write_record
from mlparity.record.metadata import metadata_of, write_metadata
from mlparity.report.files import write_reports
from mlparity.samples.digest import digest
from mlparity.sources.deterministic import check_deterministic
from mlparity.sources.load import flatten_source, load_module

_PACKAGES = (
    *("torch", "coremltools", "numpy", "litert-torch", "ai-edge-litert", "onnxruntime"),
    *("coreai-core", "coreai-torch", "coreai-opt"),
)


def verify(
    source: str | nn.Module,
    out: str | Path,
    inputs: str | SampleSet | Sequence[Mapping[str, object]] | None = None,
    policy: str | Policy = "consistency",
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> Record:
    """Verify `source` on `inputs` under `policy`, and write record, report and artifacts into the folder `out`.

    `source` is a module or a name (`package.module:factory`, `file.py:factory`, a .pt2 or TorchScript file); `inputs`
    is a folder, a file, a `module:function` generator, a `SampleSet` or a list of samples (input name to array);
    without it, random inputs are drawn.

    Raises:
        MlparityError: bad input, a source that cannot be verified, or no place to write; nothing is left behind.
    """
    chosen = VerifyOptions() if options is None else options
    limits = policy if isinstance(policy, Policy) else load_policy(policy)
    new_comparer = _comparers(limits, chosen)
    progress("load", 0, 0)
    loaded = load_module(source, eval_mode=chosen.eval_mode)
    samples = choose_samples(
        inputs,
        loaded.inputs.required if len(loaded.inputs.required) == 1 else loaded.inputs.names,
        preprocess=chosen.preprocess,
        shapes=chosen.shapes,
        example=loaded.example,
        limit=chosen.limit,
        seed=chosen.seed,
    )
    first = next(iter(samples))[1]
    flat = flatten_source(loaded, first)
    with staged_folder(Path(out)) as stage, _references(flat, chosen) as (reference, wide):
        with torch_backend.open(flat) as plain:
            check_deterministic(plain, first)
        made = make_artifacts(flat, first, chosen, stage, progress)
        record = _compared(flat, samples, limits, chosen, made, (reference, wide), stage, progress, new_comparer)
        _write(record, stage)
    return record


def _comparers(policy: Policy, options: VerifyOptions) -> NewComparer:
    """Return what makes comparers; the user's metrics are loaded here, before any work begins."""
    metrics = tuple(load_metric(metric) for metric in policy.metrics)
    return partial(Comparer, class_outputs=options.class_outputs, tasks=policy.tasks, metrics=metrics)


@contextmanager
def _references(source: Source, options: VerifyOptions) -> Iterator[tuple[CarryingSession, CarryingSession]]:
    with ExitStack() as stack:
        narrow = stack.enter_context(torch_backend.open(source))
        wide = stack.enter_context(torch_backend.open(source, double=True))
        yield CarryingSession(narrow, options.carry), CarryingSession(wide, options.carry)


def _compared(
    source: Source,
    samples: SampleSet,
    policy: Policy,
    options: VerifyOptions,
    made: Made,
    references: tuple[Session, Session],
    stage: Path,
    progress: Progress,
    new_comparer: NewComparer,
) -> Record:
    rows = open_rows(made, options, stage, source, new_comparer)
    try:
        compare_samples(rows, samples, references, progress)
        return _record(source, samples, policy, options, made, rows, stage)
    finally:
        close_rows(rows)


def _record(
    source: Source,
    samples: SampleSet,
    policy: Policy,
    options: VerifyOptions,
    made: Made,
    rows: Rows,
    stage: Path,
) -> Record:
    noise = rows.noise()
    results = rows.results(policy, noise)
    row = row_to_explain(results, noise)
    cause = diagnose(find_cause(results, noise), row, stage, source, samples, options.carry)
    return Record(
        schema_version=SCHEMA_VERSION,
        mlparity_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=_environment(),
        source=SourceInfo(
            source.name, source.kind, source.location, source.parameters, source.sha256, _notes(source, rows)
        ),
        samples=SamplesInfo(
            samples.description,
            len(samples),
            digest(samples),
            tuple(name for name, _ in samples)[:_NAMES_KEPT],
            samples.warning,
            options.carry,
        ),
        policy=policy,
        verdict=judge_all(policy, results).verdict,
        artifacts=made.artifacts,
        settings=results,
        noise=noise,
        cause=cause,
        recommendation=recommend(results, policy),
        metrics=METRIC_INFOS,
    )


_NAMES_KEPT = 1000


def _notes(source: Source, rows: Rows) -> tuple[str, ...]:
    if not rows.noise_failure:
        return source.notes
    return (*source.notes, f"the source's own fp32 noise is not known: {rows.noise_failure.splitlines()[0]}")


def _environment() -> dict[str, str]:
    """Return the versions that a result depends on; nothing that tells one user's machine from another's."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}", **versions}


def _write(record: Record, stage: Path) -> None:
    for artifact in record.artifacts:
        write_metadata(stage / artifact.path, metadata_of(record, artifact))
    write_record(record, stage / "record.json")
    write_reports(record, stage)
