"""What a worker does with blocks of samples: it opens a job once, looks at each sample, and counts nothing."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from mlparity.core.errors import MlparityError
from mlparity.core.session import Sample, Signature
from mlparity.execution.ray import fetched, unpacked
from mlparity.samples.check import check_sample
from mlparity.samples.digest import sample_sha256
from mlparity.samples.images import thumbnail
from mlparity.samples.parts import part_of, sees
from mlparity.sessions.carrying import restart
from mlparity.sessions.checked import run_checked
from mlparity.targets.artifacts import artifact_sha256
from mlparity.verification.artifacts import Made
from mlparity.verification.checkpoint import name_of
from mlparity.verification.execute import Step
from mlparity.verification.job import Job, open_references
from mlparity.verification.machine import processor
from mlparity.verification.opening import open_runs
from mlparity.verification.runs import NoiseSight, Run, RunSight, Sight

OPENER = f"{__name__}:open_blocks"

Drawn = tuple[str, Sample, Sample]
"""A sample's name, its inputs, and what artifacts are given for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """A job for workers: the job and its artifacts, packed; the files of the artifacts as a reference, or None.

    Without files they lie in `folder`, which every worker sees.
    """

    packed: bytes
    folder: Path
    files: Any
    threads: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The samples from number `start` to before `stop`, as they were drawn, or None where the worker reads them."""

    start: int
    stop: int
    drawn: tuple[Drawn, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SampleSight:
    """What every observer saw of one sample."""

    name: str
    sha256: str
    sights: tuple[Sight, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BlockSight:
    """What was seen of a block: by which runs, on what kind of processor; or the error that ended it.

    `is_unseen` where the worker does not see the files of the samples.
    """

    samples: tuple[SampleSight, ...] = ()
    error: MlparityError | None = None
    runs: tuple[str, ...] = ()
    processor: str = ""
    is_unseen: bool = False


def open_blocks(parcel: Parcel) -> BlockWorker:
    """Open a job in this process.

    Raises:
        MlparityError: the source or the artifacts cannot be opened here.
    """
    torch.set_num_threads(parcel.threads)
    return BlockWorker(parcel)


class BlockWorker:
    """A job that is open, and called with blocks."""

    def __init__(self, parcel: Parcel) -> None:
        """Write the artifacts into a folder of this process, unless they are seen, and open everything."""
        self._stack = ExitStack()
        job, made, self._signature = cast("tuple[Job, Made, Signature]", unpacked(parcel.packed))
        self._job = replace(job, stage=self._folder(parcel, made))
        self._references = self._stack.enter_context(open_references(job.source, job.options))
        self._runs = open_runs(self._job, made, self._references)
        self._stack.callback(self._runs.close)
        self._names = tuple(map(told_of, self._runs.runs))

    def __call__(self, block: Block) -> BlockSight:
        """Return what is seen of a block."""
        job = self._job
        if block.drawn is None and not sees(job.samples, block.start, block.stop):
            return BlockSight(is_unseen=True)
        try:
            steps = list(self._steps(block))
            sights = self._looked_at(steps)
        except MlparityError as error:
            return BlockSight(error=error)
        seen = (
            SampleSight(step.name, sample_sha256(step.sample), tuple(each))
            for step, each in zip(steps, sights, strict=True)
        )
        return BlockSight(tuple(seen), None, self._names, processor())

    def close(self) -> None:
        """Close what is open, and remove the folder."""
        self._stack.close()

    def _folder(self, parcel: Parcel, made: Made) -> Path:
        if parcel.files is None or _has_all(parcel.folder, made):
            return parcel.folder
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mlparity_")))
        write_files(folder, fetched(parcel.files))
        return folder

    def _steps(self, block: Block) -> Iterator[Step]:
        job = self._job
        for number, (name, sample, given) in enumerate(self._drawn(block), block.start):
            check_sample(self._own(sample), self._signature, name)
            if job.begins(name):
                restart(self._references.narrow)
            expected = run_checked(self._references.narrow, sample)
            picture = partial(thumbnail, job.samples, name)
            yield Step(name, sample, expected, picture, given, job.begins(name), number)

    def _drawn(self, block: Block) -> Iterator[Drawn]:
        if block.drawn is not None:
            yield from block.drawn
            return
        for name, sample in part_of(self._job.samples, block.start, block.stop):
            yield name, sample, self._job.given(name, sample)

    def _own(self, sample: Sample) -> Sample:
        carried = frozenset(self._job.options.carry.values())
        return {name: array for name, array in sample.items() if name not in carried}

    def _looked_at(self, steps: Sequence[Step]) -> list[list[Sight]]:
        found: list[list[Sight]] = [[] for _ in steps]
        for observer in self._runs.observers():
            for step, sights in zip(steps, found, strict=True):
                sight = observer.look(step)
                if sight is None or (isinstance(sight, RunSight | NoiseSight) and sight.failure):
                    observer.count(step, sight)  # what has failed is not run again
                sights.append(sight)
            observer.rest()
        return found


def told_of(run: Run) -> str:
    """Return what a run is of, and whether it could be opened: workers run what their driver plans."""
    return f"{name_of(run)}{' does not open' if run.failure and run.failed_at < 0 else ''}"


def _has_all(folder: Path, made: Made) -> bool:
    try:
        return all(artifact_sha256(folder / artifact.path) == artifact.sha256 for artifact in made.artifacts)
    except (OSError, MlparityError):
        return False


def read_files(folder: Path) -> dict[str, np.ndarray]:
    """Return the bytes of every file below a folder, by its path there."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): np.fromfile(file, np.uint8) for file in files}


def write_files(folder: Path, files: Mapping[str, np.ndarray]) -> None:
    """Write such files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data.tofile(path)


def script_of(data: bytes) -> torch.jit.ScriptModule:
    """Return a TorchScript module that was sent."""
    loaded: torch.jit.ScriptModule = torch.jit.load(io.BytesIO(data), map_location="cpu")  # type: ignore[no-untyped-call]
    return loaded
