"""The policy of a verification: the tasks of its outputs and the limits of their figures, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """What an output is for: classes by score, a score against a threshold, an embedding, a mask, or nothing known."""

    CLASSES = "classes"
    THRESHOLD = "threshold"
    RETRIEVAL = "retrieval"
    MASK = "mask"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class OutputTask:
    """The task of one output; `guessed` by its shape where nobody named it.

    `axis` is the class axis of scores and masks; `k` counts the best classes or the nearest neighbours; `threshold`
    is the score from which a decision, or a mask without `axis`, is positive.
    """

    output: str
    kind: TaskKind
    axis: int | None = None
    k: int = 5
    threshold: float | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """One bound of a policy: a metric's name and the largest (or, with `at_least`, smallest) value allowed.

    With `of_scale` the bound is multiplied by the output's scale; `None` bounds nothing. A limit of one `output` alone
    replaces the general one for it.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    of_scale: bool = False
    output: str = ""


@dataclass(frozen=True, slots=True)
class UserMetric:
    """The user's own metric: `function` is `module:name`, and `mean` and `worst` are its budget.

    Larger values are worse, unless a bound is `at_least`.
    """

    name: str
    function: str
    mean: Limit | None = None
    worst: Limit | None = None


NOISE_FACTOR = 2.0
"""How many times the source's own noise excuses where a policy does not say. Assumed: both sides round."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The tolerances of a verification; `required` is "any", "all" or names of settings that must pass.

    A difference within `noise_factor` times the source's own fp32 noise passes every limit on a difference, but noise
    excuses at most `noise_cap` of the output's scale: a source that does not know its own output proves nothing.
    """

    name: str
    limits: tuple[Limit, ...]
    required: tuple[str, ...] = ("any",)
    noise_factor: float = NOISE_FACTOR
    # Assumed: 100 times what a healthy network's fp32 noise is (1e-6 to 1e-4 of the scale).
    noise_cap: float = 1e-2
    tasks: tuple[OutputTask, ...] = ()
    metrics: tuple[UserMetric, ...] = ()
