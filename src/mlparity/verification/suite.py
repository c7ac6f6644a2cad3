"""A suite: many models verified here or by workers, those that have not changed left as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from mlparity.compare.user_metric import load_metric
from mlparity.core.errors import MlparityError, OutputError
from mlparity.core.progress import Progress
from mlparity.core.writing import write_whole
from mlparity.execution.pool import LostWorkError, Pool, Task, workers_at
from mlparity.execution.ray import stored
from mlparity.record.files import read_record
from mlparity.record.record import Record
from mlparity.record.suite import SuiteEntry
from mlparity.report.suite import suite_files
from mlparity.samples.digest import digest
from mlparity.sessions.torch_threads import one_thread
from mlparity.targets.artifacts import artifact_sha256
from mlparity.verification.blocks_elsewhere import write_files
from mlparity.verification.cache import digest_of, source_key
from mlparity.verification.machine import versions_for
from mlparity.verification.models_elsewhere import OPENER, WholeModel, WholeResult
from mlparity.verification.options import VerifyOptions
from mlparity.verification.policies import policy_of
from mlparity.verification.sources import open_source
from mlparity.verification.staging import real_path_of, staged_folder
from mlparity.verification.suite_entries import STATE, kept_record, known_models, known_of
from mlparity.verification.suite_file import ModelTable, read_suite
from mlparity.verification.verify import run_verification

WHOLE = 32
"""Up to how many samples a model is verified whole by one worker (assumed: converting takes longer than they do)."""


def run_suite(file: Path, out: Path, progress: Progress, ray: str | None = None) -> tuple[SuiteEntry, ...]:
    """Verify the models of `file` into folders of `out`, with one index, as `mlparity.verify_suite` says.

    Raises:
        MlparityError: the file cannot be read, `out` not be written, or workers not be had.
    """
    models, folder = read_suite(file), real_path_of(out)
    with _workers(models, ray) as pool:
        suite = _Suite(models, folder, pool, progress, known_models(folder))
        try:
            entries = suite.run()
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(*(stop.args or (suite.left,))) from stop
    _write(folder, suite_files(entries))
    return entries


@contextmanager
def _workers(models: Mapping[str, ModelTable], ray: str | None) -> Iterator[Pool | None]:
    if ray is None:
        yield None
        return
    targets = {setting.target for model in models.values() for setting in model.options().settings}
    with one_thread(), workers_at(ray, versions_for(targets)) as pool:
        yield pool


@dataclass(frozen=True, slots=True)
class _Begun:
    """A model that is to be verified: what it is known by, and its place in the workers' queue if it has one."""

    key: str
    options: VerifyOptions
    ticket: int | None = None


@dataclass(slots=True, eq=False)
class _Suite:
    """A run of a suite: all models are begun before the first is waited for, so that no worker is idle."""

    models: Mapping[str, ModelTable]
    folder: Path
    pool: Pool | None
    progress: Progress
    known: dict[str, dict[str, str]]
    task: Task | None = None

    def run(self) -> tuple[SuiteEntry, ...]:
        """Return an entry for each model, in the order of the file."""
        if self.pool is not None:
            self.task = Task("models", OPENER, (stored(torch.get_num_threads()),))
            begun = {name: self._begun(name, model) for name, model in self.models.items()}
        found: dict[str, SuiteEntry] = {}
        for number, (name, model) in enumerate(self.models.items()):
            self._tell(number)
            start = self._begun(name, model) if self.pool is None else begun[name]
            if isinstance(start, _Begun) and start.ticket is None:
                found[name] = self._here(name, model, start)
            elif isinstance(start, SuiteEntry):
                found[name] = start
            self._note()
        for name, start in begun.items() if self.pool is not None else ():
            if isinstance(start, _Begun) and start.ticket is not None:
                found[name] = self._elsewhere(name, start, len(found))
                self._note()
        self._tell(len(self.models))
        return tuple(found[name] for name in self.models)

    @property
    def left(self) -> str:
        """What a run that is stopped leaves, in words."""
        done = sum(name in self.models and "sha256" in entry for name, entry in self.known.items())
        told = f"{done} of {len(self.models)} {'is' if done == 1 else 'are'} in {self.folder}"
        return f"the same command goes on with the other models; {told}" if done else "no model was verified yet"

    def _begun(self, name: str, model: ModelTable) -> _Begun | SuiteEntry:
        """Return the entry of a model that has not changed or cannot be verified; else begin it."""
        try:
            options = replace(model.options(), ray=None if self.pool is None else self.pool.address.text)
            key, samples = _key(model, options, self.progress)
        except MlparityError as error:
            return self._failed(name, str(error))
        kept = kept_record(self.folder / name, self.known.get(name, {}), key)
        if kept is not None:
            return SuiteEntry(name, kept, is_kept=True)
        self.known.pop(name, None)
        if self.pool is None or self.task is None or samples > WHOLE:
            return _Begun(key, options)
        return _Begun(key, options, self.pool.submit(self.task, WholeModel(model, Path.cwd())))

    def _here(self, name: str, model: ModelTable, start: _Begun) -> SuiteEntry:
        out = self.folder / name
        try:
            record = run_verification(model.source, out, model.inputs, model.policy, start.options, self.progress)
            return self._verified(name, start, record)
        except MlparityError as error:
            return self._failed(name, str(error))

    def _elsewhere(self, name: str, start: _Begun, done: int) -> SuiteEntry:
        """Wait for a worker's result and put it in place."""
        assert self.pool is not None  # noqa: S101 - a ticket is a pool's
        assert start.ticket is not None  # noqa: S101
        try:
            result: WholeResult = self.pool.result(start.ticket, lambda: self._tell(done))
        except LostWorkError as error:
            return self._failed(name, str(error))
        if result.failure:
            return self._failed(name, result.failure)
        try:
            with staged_folder(self.folder / name) as stage:
                write_files(stage, result.files)
            return self._verified(name, start, read_record(self.folder / name / "record.json"))
        except MlparityError as error:
            return self._failed(name, str(error))

    def _verified(self, name: str, start: _Begun, record: Record) -> SuiteEntry:
        self.known[name] = known_of(self.folder / name, start.key)
        return SuiteEntry(name, record)

    def _failed(self, name: str, failure: str) -> SuiteEntry:
        self.known[name] = {"failure": failure}
        return SuiteEntry(name, None, failure)

    def _note(self) -> None:
        known = {name: self.known[name] for name in self.models if name in self.known}
        _write(self.folder, {STATE: json.dumps(known, indent=1)})

    def _tell(self, done: int) -> None:
        self.progress(f"models{'' if self.pool is None else f' on {self.pool.title}'}", done, len(self.models))


def _key(model: ModelTable, options: VerifyOptions, progress: Progress) -> tuple[str, int]:
    """Return the digest of everything that a verification depends on, "" where it is not known; and how many samples.

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
        return "", len(samples)
    asked = replace(options, ray=None)
    told = (model.model_dump(), asked, policy, metrics, given, digest(samples), samples.description)
    return digest_of(base, *told, torch.get_num_threads()), len(samples)


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
