"""Explanations that were made before: that of the same difference is taken from the user's cache.

Limits decide nothing in one: what another policy asks about the same figures is answered at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from pydantic import TypeAdapter
from torch import nn

from mlparity.core.budget import beside_budget, left_out
from mlparity.core.errors import MlparityError
from mlparity.core.session import Sample
from mlparity.core.shortages import noting_shortages
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit
from mlparity.record.causes import Cause
from mlparity.record.drift import Drift
from mlparity.record.rows import SettingResult
from mlparity.record.text import plain
from mlparity.samples.digest import sample_sha256
from mlparity.sessions import torch as torch_session
from mlparity.targets.artifacts import artifact_sha256
from mlparity.verification.cache import cache_folder, digest_of, entry_at, keep_entry, source_key
from mlparity.verification.job import Job
from mlparity.verification.machine import processor


@dataclass(frozen=True, slots=True, eq=False)
class LookedAt:
    """What an explanation is made from: a row, the unit whose arithmetic it is of, and the samples to look at.

    `unit` is None for ideal arithmetic; `beside` are samples on which the source may go other ways.
    """

    row: SettingResult
    unit: ComputeUnit | None
    job: Job
    chosen: Mapping[str, Sample]
    beside: Mapping[str, Sample]

    @property
    def path(self) -> Path:
        """Where the artifact is."""
        return self.job.stage / self.row.artifact


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found about one artifact: the causes, and the error along the graph, None where it was not followed.

    `failure` says why it could not be followed; `is_beyond_ladder` that the first cause is right whatever the rows say.
    """

    causes: tuple[Cause, ...]
    drift: Drift | None = None
    failure: str = ""
    is_beyond_ladder: bool = False


_TYPE = TypeAdapter(Findings)


def kept_or_made(looked_at: LookedAt, make: Callable[[], Findings]) -> Findings:
    """Return what was found from the same before, or find it, and keep what is whole.

    What failed, or what time or memory did not suffice for, is not kept.

    Raises:
        MlparityError: as `make`.
    """
    with beside_budget():
        entry = _entry(looked_at)
    if entry is None:
        return make()
    with suppress(OSError, ValueError, LookupError, TypeError, RecursionError, MlparityError):
        return _TYPE.validate_python(entry_at(entry)["explanation"])
    with noting_shortages() as shortages:
        made = make()
    if not (made.failure or left_out() or shortages):
        with suppress(OSError, TypeError, ValueError):  # a full disk, or a folder of others, costs the cache alone
            keep_entry(entry, {"explanation": plain(made)})
    return made


def _entry(at: LookedAt) -> Path | None:
    """Return the entry of an explanation, None where nothing is kept, or the source's ops or code are not known."""
    job, folder = at.job, cache_folder()
    if folder is None or not job.options.cache or job.app is not None or not _is_in_files(job.source):
        return None
    first = job.first()
    base = source_key(job.source, first)
    if base is None:
        return None
    samples = [_digests(job, each) for each in ({"": first}, at.beside, at.chosen)]
    row = (at.row.artifact, artifact_sha256(at.path), at.row.setting)
    machine = (processor(), torch.get_num_threads())
    return folder / digest_of("explanation", base, row, at.unit, samples, job.policy.noise_factor, machine)


def _is_in_files(source: Source) -> bool:
    """Tell whether the code of all layers is in files, which the key tells; that of a notebook is not."""
    modules = cast("nn.Module", source.module).modules()
    return all(getattr(sys.modules.get(type(each).__module__), "__file__", None) for each in modules)


def _digests(job: Job, samples: Mapping[str, Sample]) -> list[tuple[str, str, str]]:
    """Return names and digests of samples, and of what the source gives for them: other code may show there alone."""
    with torch_session.open(job.source) as narrow:
        return [(name, sample_sha256(each), sample_sha256(narrow.run(each))) for name, each in samples.items()]
