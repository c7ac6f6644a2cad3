"""The user's own metric, called with the outputs of each sample; its mean and worst value are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import numpy as np

from mlparity.core.errors import PolicyError
from mlparity.core.regular_files import open_regular
from mlparity.core.user_code import failing_as, import_module, raised_at, said
from mlparity.record.figures import Better, TaskFigure
from mlparity.record.policy import UserMetric

Function = Callable[[dict[str, np.ndarray], dict[str, np.ndarray]], object]


@dataclass(frozen=True, slots=True)
class MetricTally:
    """What a metric gave so far; `total` is the sum of its values."""

    samples: int = 0
    skipped: int = 0
    total: float = 0.0
    worst: float | None = None
    worst_sample: str = ""


@dataclass(frozen=True, slots=True)
class LoadedMetric:
    """A metric and its function; `sha256` is that of the file that the function is in, "" where there is none."""

    metric: UserMetric
    function: Function
    sha256: str


def load_metric(metric: UserMetric) -> LoadedMetric:
    """Import the function that the metric names; a relative file is looked for from the current directory.

    Raises:
        PolicyError: the module or file cannot be imported, or has no such function.
    """
    home, _, name = metric.function.rpartition(":")
    with failing_as(lambda error: _raised("the function of a metric cannot be imported", metric, error)):
        module = import_module(home)
        function = getattr(module, name)
    if not callable(function):
        raise _failed(f"{name} is no function", metric, metric.function, type(function).__name__)
    file = getattr(module, "__file__", None)
    return LoadedMetric(metric, function, _digest_of(Path(file)) if file else "")


def _digest_of(file: Path) -> str:
    with open_regular(file) as opened:
        return file_digest(opened, "sha256").hexdigest()


def tally_metric(
    loaded: LoadedMetric, sample: str, source: Mapping[str, np.ndarray], artifact: Mapping[str, np.ndarray]
) -> MetricTally:
    """Return the tally of one sample: the function is called as `function(source, artifact)`.

    Both are dicts of read-only arrays under the source's output names. It returns a number, or None where it does not
    apply to the sample. A value that is not finite is the worst.

    Raises:
        PolicyError: the function raises, or returns something else.
    """
    metric = loaded.metric
    with failing_as(lambda error: _raised("the function of a metric failed", metric, error, sample)):
        value = loaded.function(_read_only(source), _read_only(artifact))
    if value is None:
        return MetricTally(skipped=1)
    number = _number(value, metric, sample)
    return MetricTally(samples=1, total=number, worst=number, worst_sample=sample)


def merge_metrics(metric: UserMetric, first: MetricTally, second: MetricTally) -> MetricTally:
    """Return the tally of both, of which the second saw the later samples."""
    worse = _is_worse(second.worst, first.worst, better_of(metric))
    return MetricTally(
        samples=first.samples + second.samples,
        skipped=first.skipped + second.skipped,
        total=first.total + second.total,
        worst=second.worst if worse else first.worst,
        worst_sample=second.worst_sample if worse else first.worst_sample,
    )


def _is_worse(value: float | None, than: float | None, better: Better) -> bool:
    if value is None or than is None:
        return value is not None
    return _badness(value, better) > _badness(than, better)


def task_figure(metric: UserMetric, tally: MetricTally) -> TaskFigure:
    """Return the record's form."""
    mean = tally.total / tally.samples if tally.samples else None
    return TaskFigure(metric.name, tally.samples, tally.skipped, mean, tally.worst, tally.worst_sample)


def better_of(metric: UserMetric) -> Better:
    """Return which way the metric gets better, as its bounds tell."""
    bounds = [bound for bound in (metric.mean, metric.worst) if bound is not None]
    return Better.HIGHER if any(bound.at_least is not None for bound in bounds) else Better.LOWER


def _badness(value: float, better: Better) -> float:
    if math.isnan(value):
        return math.inf
    return value if better is Better.LOWER else -value


def _number(value: object, metric: UserMetric, sample: str) -> float:
    with failing_as(lambda error: _raised("a metric gave no number", metric, error, sample)):
        array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        found = f"{type(value).__name__} of shape {array.shape}"
        raise _failed("a metric gave no number", metric, metric.function, found, sample)
    return float(array.reshape(()))


def _read_only(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    views = {name: array.view() for name, array in outputs.items()}
    for view in views.values():
        view.flags.writeable = False
    return views


def _raised(what: str, metric: UserMetric, error: BaseException, sample: str = "") -> PolicyError:
    return _failed(what, metric, f"raised at {raised_at(error)}", said(error), sample)


def _failed(what: str, metric: UserMetric, where: str, found: str, sample: str = "") -> PolicyError:
    return PolicyError(
        what,
        where=f"metrics.{metric.name}, {f'{sample}, ' if sample else ''}{where}",
        found=found,
        expected="module:function or file.py:function; it takes two dicts of arrays and returns a number or None",
        next_step="mend the function, or take the metric out of the policy",
    )
