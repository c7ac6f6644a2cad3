"""What both kinds of tuning begin with: source, policy, samples in memory, and references that run once on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import nn

from mlparity.compare.user_metric import load_metric
from mlparity.core.errors import InputError
from mlparity.core.progress import Progress
from mlparity.core.session import Sample, SampleSet
from mlparity.core.steps import has_steps
from mlparity.core.words import Precision
from mlparity.record.policy import Policy
from mlparity.samples.memory import MemorySamples
from mlparity.sessions.cached import CachedSession
from mlparity.sessions.carrying import CarryingSession
from mlparity.targets.table import target_named
from mlparity.verification.job import Job, References, open_references
from mlparity.verification.options import VerifyOptions
from mlparity.verification.policies import policy_of
from mlparity.verification.sources import Inputs, open_source
from mlparity.verification.staging import real_path_of, staged_folder


class Asked(NamedTuple):
    """What a tuning is asked for: a source, its samples, a policy, options, and where the results go."""

    source: str | nn.Module
    out: str | Path
    inputs: Inputs
    policy: str | Policy
    options: VerifyOptions


@contextmanager
def tuning_job(asked: Asked, progress: Progress) -> Iterator[tuple[Job, References]]:
    """Yield the job of a tuning and its references; the folder of the results appears whole at the end.

    Raises:
        MlparityError: bad input, a source that cannot be used, or no space to write.
    """
    folder = real_path_of(asked.out)  # now: the user's code may change the current folder
    chosen = fp16_only(asked.options)
    limits = policy_of(asked.policy)
    metrics = tuple(load_metric(metric) for metric in limits.metrics)
    flat, samples = open_source(asked.source, asked.inputs, chosen, progress)
    chosen = chosen.carrying(flat)
    with staged_folder(folder) as stage, open_references(flat, chosen) as found:
        job = Job(flat, in_memory(samples), limits, chosen, metrics, stage)
        yield job, cached(job, found)


def in_memory(samples: SampleSet) -> MemorySamples:
    """Return the same samples, read once; steps keep their names."""
    return _joined(samples, [tuple(samples)])


def cached(job: Job, references: References) -> References:
    """Return references that keep what they gave for each sample and the state before it."""
    pair = (references.narrow, references.wide)
    inner = (each.inner if isinstance(each, CarryingSession) else each for each in pair)
    return References(*(CarryingSession(CachedSession(each), job.options.carry, job.source.initial) for each in inner))


def fp16_only(options: VerifyOptions) -> VerifyOptions:
    """Return the options with the fp16 settings of what our engine runs.

    Raises:
        InputError: there is none, or an artifact was given.
    """
    plain = [setting for setting in options.settings if not setting.compression]
    in_fp16 = [setting for setting in plain if setting.precision is Precision.FP16]
    settings = tuple(setting for setting in in_fp16 if target_named(setting.target).engine is not None)
    if not settings or options.artifacts:
        raise InputError(
            "tuning needs an fp16 setting of Core ML and a source to convert",
            found=", ".join(map(str, (*options.settings, *options.artifacts))),
            next_step="name a setting such as fp16/ALL, and give no artifact",
        )
    return replace(options, settings=settings, cache=False)  # a candidate is not asked for again


def halves_of(job: Job) -> tuple[Job, Job]:
    """Return the job on every second sample, from the first on, and on the others; a sequence stays whole.

    Raises:
        InputError: there is but one.
    """
    whole = _sequences(job)
    if len(whole) < _FEWEST:
        raise InputError(
            "the search needs samples for both halves",
            found=f"{len(whole)} {'sequence' if job.options.carry else 'sample'}",
            expected=f"at least {_FEWEST}: it searches on one half and verifies on the other",
            next_step="give more samples" + (", each as a list of steps" if job.options.carry else ""),
        )
    first, second = (replace(job, samples=_joined(job.samples, whole[start::2])) for start in (0, 1))
    return first, second


_FEWEST = 2


def count_of(job: Job) -> int:
    """Return the number of samples of a job; a sequence counts once."""
    return len(_sequences(job))


def _sequences(job: Job) -> list[list[tuple[str, Sample]]]:
    """Return the samples that follow each other: those alone that a state connects are together."""
    found: list[list[tuple[str, Sample]]] = []
    is_alone = not job.options.carry
    for name, sample in job.samples:
        if not found or job.begins(name) or (is_alone and not has_steps(job.samples)):
            found.append([])
        found[-1].append((name, sample))
    return found


def _joined(samples: SampleSet, parts: Sequence[Sequence[tuple[str, Sample]]]) -> MemorySamples:
    names, held = zip(*(pair for part in parts for pair in part), strict=True)
    is_stepped = has_steps(samples)
    return MemorySamples(held, samples.warning, names if is_stepped else (), is_stepped)
