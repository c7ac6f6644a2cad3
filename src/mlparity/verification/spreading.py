"""Blocks of samples given to workers; what they see is counted here, in the order of the samples."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import count
from types import ModuleType

import torch

from mlparity.core.errors import ExecutionError, InputError, MlparityError
from mlparity.core.progress import Progress
from mlparity.core.session import Sample, Signature
from mlparity.core.steps import has_steps
from mlparity.execution.pool import Pool, Task
from mlparity.execution.ray import packed, stored
from mlparity.samples.images import thumbnail
from mlparity.samples.parts import Elsewhere, has_parts, part_of
from mlparity.sources.user_code import own_modules
from mlparity.verification.artifacts import Made
from mlparity.verification.blocks_elsewhere import (
    OPENER,
    Block,
    BlockSight,
    Parcel,
    SampleSight,
    read_files,
    script_of,
    told_of,
)
from mlparity.verification.execute import ALONE, Step
from mlparity.verification.job import Job
from mlparity.verification.journal import Seen
from mlparity.verification.machine import processor
from mlparity.verification.runs import Runs

_SAMPLES = 8
"""How many samples a block has at most where all models stay open: a worker that dies costs no more than them."""

_numbers = count()


def check_can_spread(job: Job) -> None:
    """Check that samples can be run apart from those before them.

    Raises:
        InputError: a state goes from each sample to the next one, or saved outputs are compared.
    """
    if job.options.device_outputs:
        raise InputError(
            "saved outputs are compared in one process",
            found="--device-outputs with --ray",
            next_step="leave out --ray",
        )
    if job.options.carry and not job.begins(next(iter(job.samples))[0]):
        raise InputError(
            "a state that goes from each sample to the next one cannot be spread over workers",
            found=f"--carry of {', '.join(job.options.carry)}, over samples without steps",
            expected="samples that are sequences of steps: a state starts anew with each",
            next_step="leave out --ray, or give the samples as sequences",
        )


@dataclass(slots=True, eq=False)
class Spread:
    """One job on workers: its runs here, which count, what was seen so far, and the form that samples have."""

    job: Job
    made: Made
    runs: Runs
    seen: Seen
    pool: Pool
    progress: Progress
    signature: Signature
    reads: bool = field(init=False)
    processors: set[str] = field(init=False)

    def __post_init__(self) -> None:
        """Let workers read files until one does not see them."""
        self.reads, self.processors = has_parts(self.job.samples), {processor()}

    def run(self, drawn: Iterator[tuple[str, Sample]], after: Callable[[], None]) -> None:
        """Run the samples that were not seen yet, which `drawn` yields, and count them; call `after` each block.

        Raises:
            MlparityError: as where the samples are run here, or workers cannot be had.
        """
        self.runs.rest()  # they count here and run elsewhere
        task = Task(f"blocks {next(_numbers)}", OPENER, (stored(self._parcel()),))
        waiting: deque[tuple[int, Block]] = deque()
        try:
            for block in self._blocks(drawn):
                waiting.append((self.pool.submit(task, block), block))
                while len(waiting) >= self.pool.ahead:
                    self._count(task, *waiting.popleft(), after)
            while waiting:
                self._count(task, *waiting.popleft(), after)
        finally:
            self.pool.forget([ticket for ticket, _ in waiting])
        self.progress(self._stage(), len(self.job.samples), len(self.job.samples))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the record says of the workers."""
        kinds = sorted(self.processors)
        mixed = () if len(kinds) < 2 else (f"the workers have processors of several kinds: {', '.join(kinds)}",)
        return (*mixed, *self.pool.notes)

    def _stage(self) -> str:
        return f"compare on {self.pool.title}"

    def _parcel(self) -> Parcel:
        job, samples = self.job, self.job.samples
        if not has_parts(samples):
            samples = Elsewhere(len(samples), has_steps(samples))
        options = replace(job.options, ray=None, baseline=None)
        told = replace(job, samples=samples, options=options)
        is_here = self.pool.address.workers is not None
        files = None if is_here else stored(read_files(job.stage))
        return Parcel(_packed((told, self.made, self.signature)), job.stage, files, torch.get_num_threads())

    def _blocks(self, drawn: Iterator[tuple[str, Sample]]) -> Iterator[Block]:
        start, total = self.seen.done, len(self.job.samples)
        size = self._size(total - start)
        while self.reads and start < total:
            yield Block(start, min(start + size, total))
            start = min(start + size, total)
        if start < total:
            yield from self._drawn_blocks(drawn, start, size)

    def _drawn_blocks(self, drawn: Iterator[tuple[str, Sample]], start: int, size: int) -> Iterator[Block]:
        """Yield blocks of samples that are read here; a state stays within a block."""
        job, held = self.job, list[tuple[str, Sample, Sample]]()
        if has_parts(job.samples):  # some have been read elsewhere
            drawn = part_of(job.samples, start, len(job.samples))
        most = self.runs.block.size
        for name, sample in drawn:
            is_full = len(held) >= size or sum(array.nbytes for _, each, _ in held for array in each.values()) >= most
            if is_full and (not job.options.carry or job.begins(name)):
                yield Block(start, start + len(held), tuple(held))
                start, held = start + len(held), []
            held.append((name, sample, job.given(name, sample)))
        if held:
            yield Block(start, start + len(held), tuple(held))

    def _size(self, left: int) -> int:
        if self.runs.block != ALONE:
            return self.runs.block.samples
        return max(1, min(_SAMPLES, left // (4 * self.pool.ahead)))

    def _count(self, task: Task, ticket: int, block: Block, after: Callable[[], None]) -> None:
        sight: BlockSight = self.pool.result(ticket, self._tell)
        if sight.is_unseen:
            self.reads = False
            named = part_of(self.job.samples, block.start, block.stop)
            drawn = tuple((name, sample, self.job.given(name, sample)) for name, sample in named)
            sight = self.pool.result(self.pool.submit(task, replace(block, drawn=drawn)), self._tell)
        if sight.error is not None:
            raise sight.error
        self._check(sight)
        for number, sample in enumerate(sight.samples, block.start):
            self._count_sample(number, sample)
        after()
        self._tell()

    def _count_sample(self, number: int, sample: SampleSight) -> None:
        picture = cache(partial(thumbnail, self.job.samples, sample.name))
        step = Step(sample.name, {}, {}, picture, {}, self.job.begins(sample.name), number)
        for observer, sight in zip(self.runs.observers(), sample.sights, strict=True):
            observer.count(step, sight)
        self.seen.count(sample.name, sample.sha256)

    def _check(self, sight: BlockSight) -> None:
        here = tuple(told_of(run) for run in self.runs.runs)
        self.processors.add(sight.processor)
        if sight.runs != here:
            raise ExecutionError(
                "a worker would run something else than this process",
                found="; ".join(sorted(set(sight.runs) - set(here))) or "fewer runs",
                expected="; ".join(sorted(set(here) - set(sight.runs))) or "the same runs",
                next_step="use machines of one system with the same extras of mlparity",
            )

    def _tell(self) -> None:
        self.progress(self._stage(), self.seen.done, len(self.job.samples))


def _packed(value: object) -> bytes:
    modules: tuple[ModuleType, ...] = own_modules()
    try:
        return packed(value, modules, {torch.jit._script.RecursiveScriptModule: _script_as_bytes})
    except MlparityError:
        raise
    except Exception as error:  # the user's module and whatever it holds
        raise ExecutionError(
            "the source cannot be sent to workers",
            found=f"{type(error).__name__}: {error}",
            expected="a module that pickles; of saved programs TorchScript alone",
            next_step="leave out --ray, or give the model as module:function",
        ) from error


def _script_as_bytes(module: torch.jit.ScriptModule) -> tuple[Callable[[bytes], object], tuple[bytes]]:
    held = io.BytesIO()
    torch.jit.save(module, held)
    return script_of, (held.getvalue(),)
