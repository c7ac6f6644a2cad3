"""How fast each setting is: timed where a real runtime of the target runs, estimated from the graph elsewhere."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

from mlparity.api.rows import Rows, Run
from mlparity.backends.checked import run_checked
from mlparity.compare.decide import ranks
from mlparity.compare.latency import WARM_UP, latency_of
from mlparity.core.decision import Decision, Latency, Speed
from mlparity.core.errors import MlparityError
from mlparity.core.session import Sample
from mlparity.core.words import Setting, Standing, Target
from mlparity.engine.mil.program import Function
from mlparity.engine.mil.reader import read_program
from mlparity.engine.placement.roofline import roofline, throughput, work_of

MOST_RUNS, MOST_SECONDS = 30, 2.0
"""How often a setting is timed, and for how long at most, after its warm-up."""


def speeds_of(rows: Rows, first: Sample, stage: Path) -> dict[Setting, Speed]:
    """Return the speeds of the Core ML settings: all timed, or else all estimated; empty where neither can be.

    A time is of the sample `first` alone, run again and again when all samples have been compared.
    """
    runs = [run for run in rows.runs if run.artifact.target is Target.COREML and run.settings and not run.failure]
    if runs and all(run.standing is Standing.MEASURED for run in runs):
        return _measured(runs, first)
    return _estimated(runs, stage)


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


def _measured(runs: list[Run], first: Sample) -> dict[Setting, Speed]:
    found = {
        setting: (latency, run.session.runtime if run.session is not None else "")
        for run in runs
        if (latency := measure(run, first)) is not None
        for setting in run.settings
    }
    places = ranks({setting: latency.median_ms for setting, (latency, _) in found.items()})
    return {
        setting: Speed(places[setting], Standing.MEASURED, runtime, latency)
        for setting, (latency, runtime) in found.items()
    }


def _estimated(runs: list[Run], stage: Path) -> dict[Setting, Speed]:
    functions: dict[str, Function] = {}
    scores: dict[Setting, float] = {}
    for run in runs:
        path = run.artifact.path
        if path not in functions:
            program = read_program(stage / path)
            functions[path] = program.functions[program.default_function]
        for setting in run.settings:
            score = _score(functions[path], setting)
            if score is None:
                return {}
            scores[setting] = score
    bases = {run.artifact.path: _basis(functions[run.artifact.path]) for run in runs}
    basis_of = {setting: bases[run.artifact.path] for run in runs for setting in run.settings}
    places = ranks(scores)
    return {setting: Speed(places[setting], Standing.ESTIMATED, basis_of[setting]) for setting in scores}


def _score(function: Function, setting: Setting) -> float | None:
    """Return the geometric mean of the estimates over the chips of the table: good for an order alone."""
    times = [roofline(function, str(setting.compute_unit), chip) for chip in throughput()]
    known = [math.log(each) for each in times if each]
    return math.exp(sum(known) / len(known)) if len(known) == len(times) else None


def _basis(function: Function) -> str:
    work = work_of(function)
    size = "" if work is None else f" ({work.flops / 1e9:.3g} GFLOP, {work.bytes / 2**20:.3g} MiB moved)"
    return f"a roofline of the graph{size} on {' and '.join(throughput())}"


def with_evidence(decision: Decision) -> Decision:
    """Return the decision with the sources of its estimates, where it has any."""
    speeds = [each.speed for each in decision.candidates if each.speed is not None]
    if not any(speed.standing is Standing.ESTIMATED for speed in speeds):
        return decision
    sources = {
        f"{chip} {processor}": f"{roof.confidence}; {roof.evidence}"
        for chip, roofs in throughput().items()
        for processor, roof in roofs.items()
    }
    return replace(decision, evidence=sources)
