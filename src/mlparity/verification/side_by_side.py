"""Conversions to several targets at once: of one target in this process, of each other one in a process beside it.

Each process has one thread, and there is one for each target: their converters calculate in one thread most of the
time. A process that ends gives back what its converter took.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol

import torch

from mlparity.core.source import Source
from mlparity.execution.fork import Fork, can_fork
from mlparity.record.record import Artifact
from mlparity.sessions.torch_threads import one_thread
from mlparity.targets.table import target_named
from mlparity.verification.budget import weight_bytes
from mlparity.verification.stored import Stored

_MOST_BYTES = 256 * 2**20
"""The largest weights whose conversions run side by side: a converter takes several times their size (assumed)."""

_START_THREADS = ("jax", "ray")
"""Modules that start threads, which a copy of a process that has loaded them would lack."""


class Maker(Protocol):
    """What makes artifacts of one source: `bases` is a folder for work, `known` are those that there are already."""

    @property
    def source(self) -> Source:
        """The source."""
        ...

    @property
    def bases(self) -> Path:
        """The folder for work."""
        ...

    @property
    def known(self) -> Collection[Stored]:
        """What is made or given."""
        ...

    def made(self, stored: Stored) -> Artifact:
        """Return a new artifact."""
        ...

    def within(self, folder: Path) -> Maker:
        """Return one that makes the same in another folder."""
        ...

    def taken_from(self, folder: Path, stored: Stored, artifact: Artifact) -> Artifact:
        """Take what that one has made."""
        ...

    def is_kept(self, stored: Stored) -> bool:
        """Tell whether there is nothing to do for an artifact."""
        ...


_Beside = tuple[Fork[Stored, Artifact], Path]


@dataclass(frozen=True, slots=True, eq=False)
class SideBySide:
    """What processes beside this one make, each in a folder of its own; the rest, and what they leave, is made here."""

    maker: Maker
    beside: dict[Stored, _Beside] = field(default_factory=dict)

    def made(self, stored: Stored) -> Artifact:
        """Return an artifact, made there or here.

        Raises:
            MlparityError: as `Maker.made`.
        """
        if stored in self.beside:
            fork, folder = self.beside[stored]
            found = fork.value(stored)
            if found is not None:
                return self.maker.taken_from(folder, stored, found)
        return self.maker.made(stored)

    def in_order(self, wanted: Sequence[Stored]) -> list[Stored]:
        """Return what is made here, and then what others make meanwhile."""
        return sorted(wanted, key=lambda stored: stored in self.beside)


@contextmanager
def side_by_side(maker: Maker, wanted: Sequence[Stored]) -> Iterator[SideBySide]:
    """Begin with `wanted` in as many processes as it has targets; they end with the block."""
    groups = _apart(maker, wanted) if _is_possible(maker.source) else []
    with ExitStack() as stack:
        beside: dict[Stored, _Beside] = {}
        if groups:
            stack.enter_context(one_thread())
        for group in groups:
            folder = Path(mkdtemp(dir=maker.bases))
            fork = Fork(group, maker.within(folder).made, partial(torch.set_num_threads, 1))
            stack.callback(fork.end)
            beside |= dict.fromkeys(group, (fork, folder))
        yield SideBySide(maker, beside)


def _is_possible(source: Source) -> bool:
    """Tell whether there are processors and memory, and nothing that a copy of this process would lack."""
    if not can_fork(_START_THREADS) or torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    processors = min(torch.get_num_threads(), len(os.sched_getaffinity(0)))
    return processors > 1 and weight_bytes(source) <= _MOST_BYTES


def _apart(maker: Maker, wanted: Sequence[Stored]) -> list[list[Stored]]:
    """Return what is to be converted for each target but one: that whose artifacts our engine runs, or the first."""
    groups: dict[str, list[Stored]] = {}
    for stored in wanted:
        groups.setdefault(stored.target, []).append(stored)
    there = {stored.target for stored in maker.known}
    new = [name for name, group in groups.items() if name not in there and not all(map(maker.is_kept, group))]
    here = next((name for name in new if target_named(name).engine is not None), next(iter(new), ""))
    return [groups[name] for name in new if name != here]
