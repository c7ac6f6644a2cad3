"""A suite: many models verified one after the other, those that have not changed left as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mlparity.compare.user_metric import load_metric
from mlparity.core.errors import MlparityError, OutputError
from mlparity.core.progress import Progress
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.core.writing import write_whole
from mlparity.record.files import read_record, record_sha256
from mlparity.record.record import Record
from mlparity.record.suite import SuiteEntry
from mlparity.report.suite import suite_files
from mlparity.samples.digest import digest
from mlparity.targets.artifacts import artifact_sha256
from mlparity.verification.conversion_cache import digest_of, source_key
from mlparity.verification.options import VerifyOptions
from mlparity.verification.policies import policy_of
from mlparity.verification.sources import open_source
from mlparity.verification.staging import real_path_of
from mlparity.verification.suite_file import ModelTable, read_suite
from mlparity.verification.verify import run_verification

STATE = "suite.json"
"""What was verified before: by the name of a model its key, and the digest of its record."""


def run_suite(file: Path, out: Path, progress: Progress) -> tuple[SuiteEntry, ...]:
    """Verify the models of `file` into folders of `out`, with one index, as `mlparity.verify_suite` says.

    Raises:
        MlparityError: the file cannot be read, or `out` not be written.
    """
    models, folder = read_suite(file), real_path_of(out)
    known = _known(folder)
    entries = []
    for number, (name, model) in enumerate(models.items()):
        progress("models", number, len(models))
        entries.append(_entry(name, model, folder, known, progress))
        _write(folder, {STATE: json.dumps(known, indent=1)})
    progress("models", len(models), len(models))
    _write(folder, suite_files(entries))
    return tuple(entries)


def _entry(
    name: str, model: ModelTable, folder: Path, known: dict[str, dict[str, str]], progress: Progress
) -> SuiteEntry:
    try:
        options = model.options()
        key = _key(model, options, progress)
        kept = _kept(folder / name, known.get(name, {}), key)
        if kept is not None:
            return SuiteEntry(name, kept, is_kept=True)
        known.pop(name, None)
        record = run_verification(model.source, folder / name, model.inputs, model.policy, options, progress)
    except MlparityError as error:
        known.pop(name, None)
        return SuiteEntry(name, None, str(error))
    if key:
        known[name] = {"key": key, "record": record_sha256(record)}
    return SuiteEntry(name, record)


def _kept(folder: Path, known: Mapping[str, str], key: str) -> Record | None:
    """Return the record of an earlier run of the same key whose results are still there."""
    if not key or known.get("key") != key:
        return None
    try:
        record = read_record(folder / "record.json")
        is_same = record_sha256(record) == known.get("record")
        is_whole = all(artifact_sha256(folder / each.path) == each.sha256 for each in record.artifacts)
    except MlparityError:
        return None
    return record if is_same and is_whole else None


def _key(model: ModelTable, options: VerifyOptions, progress: Progress) -> str:
    """Return the digest of everything that a verification depends on, "" where it is not known.

    Raises:
        MlparityError: the source, the samples or the policy cannot be used.
    """
    policy = policy_of(model.policy, options.settings)
    metrics = [load_metric(metric).sha256 for metric in policy.metrics]
    source, samples = open_source(model.source, model.inputs, options, progress)
    first = {**source.initial, **next(iter(samples))[1]}
    base = source_key(source, first)
    given = [artifact_sha256(path) for path in options.artifacts]
    if base is None:
        return ""
    return digest_of(base, model.model_dump(), options, policy, metrics, given, digest(samples), samples.description)


def _known(folder: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(read_regular(folder / STATE, limit=MEDIUM))
        return {name: dict(entry) for name, entry in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, MlparityError):
        return {}


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            "the results of the suite cannot be written",
            where=str(folder),
            found=str(error),
            next_step="choose another --out",
        ) from error
    for name, text in texts.items():
        write_whole(folder / name, text.encode())
