"""How fast each setting is: timed where a real runtime of the target runs, estimated from the graph elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlparity.compare.decide import ranks
from mlparity.compare.latency import WARM_UP, latency_of
from mlparity.core.errors import MlparityError
from mlparity.core.session import Sample
from mlparity.core.words import Provenance, Setting
from mlparity.engine.mil.program import Function
from mlparity.engine.placement.roofline import roofline, work_of
from mlparity.engine.placement.throughput import throughput
from mlparity.engine.reading import read_stages
from mlparity.record.decision import Decision, Latency, Speed
from mlparity.sessions.checked import run_checked
from mlparity.verification.runs import Run, Runs

MOST_RUNS, MOST_SECONDS = 30, 2.0
"""How often a setting is timed, and for how long at most, after its warm-up."""


def speeds_of(runs: Runs, first: Sample, stage: Path) -> dict[Setting, Speed]:
    """Return the speeds of the settings that name compute units: all timed, or else all estimated; empty where neither.

    A time here is of the sample `first` alone, run again and again when all samples have been compared. Times that a
    device saved with its outputs count where they are of one device and of every setting.
    """
    on_units = [run for run in runs.runs if any(setting.unit for setting in run.settings) and not run.failure]
    own = [run for run in on_units if run.saved is None]
    if own and all(run.provenance is Provenance.MEASURED for run in own):
        return _measured([(run.settings, measure(run, first), _runtime(run)) for run in own])
    saved = [(run.settings, outputs) for run in on_units if (outputs := run.saved) is not None]
    timed = {setting for settings, outputs in saved for setting in settings if latency_of(outputs.seconds) is not None}
    is_one_device = len({outputs.platform for _, outputs in saved}) == 1
    if is_one_device and timed >= {setting for run in own for setting in run.settings}:
        return _measured([(settings, latency_of(outputs.seconds), outputs.origin) for settings, outputs in saved])
    return _estimated(own, stage)


def _runtime(run: Run) -> str:
    return "" if run.session is None else run.session.runtime


def measure(run: Run, sample: Sample) -> Latency | None:
    """Return the latency of one run's session on one sample; None where it fails."""
    seconds: list[float] = []
    if run.session is None:
        return None
    while len(seconds) < WARM_UP + 1 or (len(seconds) < WARM_UP + MOST_RUNS and sum(seconds[WARM_UP:]) < MOST_SECONDS):
        started = time.perf_counter()
        try:
            run_checked(run.session, sample)
        except MlparityError:
            return None
        seconds.append(time.perf_counter() - started)
    return latency_of(seconds)


def _measured(timed: Sequence[tuple[Sequence[Setting], Latency | None, str]]) -> dict[Setting, Speed]:
    """Rank settings by what was timed, each with where that was."""
    found = {
        setting: (latency, origin) for settings, latency, origin in timed if latency is not None for setting in settings
    }
    rank_of = ranks({setting: latency.median_ms for setting, (latency, _) in found.items()})
    return {
        setting: Speed(rank_of[setting], Provenance.MEASURED, runtime, latency)
        for setting, (latency, runtime) in found.items()
    }


def _estimated(runs: list[Run], stage: Path) -> dict[Setting, Speed]:
    functions: dict[str, Function] = {}
    scores: dict[Setting, float] = {}
    for run in runs:
        path = run.artifact.path
        if path not in functions:
            programs, _ = read_stages(stage / path)
            if len(programs) > 1:  # what passing features from model to model costs, no table says
                return {}
            functions[path] = programs[0].functions[programs[0].default_function]
        for setting in run.settings:
            score = _score(functions[path], setting)
            if score is None:
                return {}
            scores[setting] = score
    bases = {run.artifact.path: _basis(functions[run.artifact.path]) for run in runs}
    basis_of = {setting: bases[run.artifact.path] for run in runs for setting in run.settings}
    rank_of = ranks(scores)
    return {setting: Speed(rank_of[setting], Provenance.ESTIMATED, basis_of[setting]) for setting in scores}


def _score(function: Function, setting: Setting) -> float | None:
    """Return the geometric mean of the estimates over the chips of the table: good for an order alone."""
    times = [roofline(function, str(setting.compute_unit), chip) for chip in throughput()]
    known = [math.log(time) for time in times if time]
    return math.exp(sum(known) / len(known)) if len(known) == len(times) else None


def _basis(function: Function) -> str:
    work = work_of(function)
    size = "" if work is None else f" ({work.flops / 1e9:.3g} GFLOP, {work.bytes / 2**20:.3g} MiB moved)"
    return f"a roofline of the graph{size} on {' and '.join(throughput())}"


def with_evidence(decision: Decision) -> Decision:
    """Return the decision with the sources of its estimates, where it has any."""
    speeds = [candidate.speed for candidate in decision.candidates if candidate.speed is not None]
    if not any(speed.provenance is Provenance.ESTIMATED for speed in speeds):
        return decision
    sources = {
        f"{chip} {processor}": f"{roof.confidence}; {roof.evidence}"
        for chip, roofs in throughput().items()
        for processor, roof in roofs.items()
    }
    return replace(decision, evidence=sources)
