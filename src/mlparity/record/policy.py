"""The policy of a verification: the tasks of its outputs and the limits of their figures, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """What an output is used for: scores of classes or tokens, a score and a threshold, an embedding, or a mask."""

    CLASSES = "classes"
    TOKENS = "tokens"
    THRESHOLD = "threshold"
    RETRIEVAL = "retrieval"
    MASK = "mask"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class OutputTask:
    """What one output is used for.

    `axis` is the axis of the classes, of scores and masks. `k` is the number of best classes, or of nearest neighbours,
    that are compared. `threshold` is the score from which a decision, or a mask without `axis`, is positive. `guessed`
    tells that the task was derived from the output's shape, because nobody named one.
    """

    output: str
    kind: TaskKind
    axis: int | None = None
    k: int = 5
    threshold: float | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest or smallest value of a metric that a policy allows.

    `None` sets no bound. With `of_scale` the bounds are multiples of the output's scale. A limit for one `output`
    replaces the general limit on the same metric.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    of_scale: bool = False
    output: str = ""


@dataclass(frozen=True, slots=True)
class UserMetric:
    """A metric of the user's own.

    `function` is `module:name` or `file.py:name`. `mean` and `worst` limit the mean over all samples and the worst
    sample. Larger values are worse, unless a limit is `at_least`.
    """

    name: str
    function: str
    mean: Limit | None = None
    worst: Limit | None = None


QUANTIFIERS = ("any", "all")
"""What `required` may hold instead of names."""

NOISE_FACTOR = 2.0
"""How many times the source's own noise excuses where a policy does not say. Assumed: both sides round."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which differences are acceptable, and which settings have to pass.

    `required` is ("any",), ("all",), or the names of the settings that must pass. A difference within `noise_factor`
    times the source's own fp32 noise passes every limit on the size of differences. `noise_cap` bounds what noise can
    excuse, as a share of the output's scale: a source with large noise does not know its own output.
    """

    name: str
    limits: tuple[Limit, ...]
    required: tuple[str, ...] = ("any",)
    noise_factor: float = NOISE_FACTOR
    # Assumed: 100 times what a healthy network's fp32 noise is (1e-6 to 1e-4 of the scale).
    noise_cap: float = 1e-2
    tasks: tuple[OutputTask, ...] = ()
    metrics: tuple[UserMetric, ...] = ()
