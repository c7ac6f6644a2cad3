"""The keys of a policy file, a model for each of its tables; docs/reference/files.md shows them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, PlainValidator, Strict, ValidationInfo, model_validator

from mlparity.compare.metrics import METRIC_INFOS
from mlparity.core.numbers import value_text
from mlparity.record.policy import QUANTIFIERS, Limit, OutputTask, Policy, TaskKind, UserMetric
from mlparity.toml.table import A_TABLE, Flag, Number, Table, Text, check_keys, expecting, keys_among, problem

_LARGEST = 2**31 - 1  # of an axis or a count: what any array can have
_DEFAULTS = Policy("", ())
_SOME_LIMITS = "at least one table such as [limits.max_abs]"
_FUNCTION = "module:function or file.py:function"
_TASKS = f"one of {', '.join(TaskKind)}"
_TASK_OF = {info.name: info.task for info in METRIC_INFOS}


class LimitTable(Table):
    """The limit of one metric."""

    at_most: Number | None = Field(default=None, description="the largest value that passes")
    at_least: Number | None = Field(default=None, description="the smallest value that passes")
    of_scale: Flag = Field(default=False, description="whether the bounds are multiples of the output's scale")

    def limit(self, metric: str, output: str = "") -> Limit:
        """Return the limit as data."""
        return Limit(metric, self.at_most, self.at_least, self.of_scale, output)


Limits = Annotated[dict[str, LimitTable], keys_among(_TASK_OF, "metric", _SOME_LIMITS)]
Axis = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST), expecting(f"an integer of at most {_LARGEST}")]
Count = Annotated[int, Field(ge=1, le=_LARGEST), expecting("an integer of 1 or more")]


class OutputTable(Table):
    """One output: limits of its own, which replace the general ones, and its task."""

    limits: Limits = Field(default={}, description="limits of this output alone, as in `[limits]`")
    task: Annotated[TaskKind, Strict(strict=False)] | None = Field(
        default=None, description=f"what the output is for: {_TASKS}"
    )


class ClassesTable(OutputTable):
    """A score for each class."""

    axis: Axis | None = Field(default=None, description="the axis of the classes; else the last one")
    k: Count = Field(default=5, description="how many of the best classes are compared")


class TokensTable(OutputTable):
    """A score for each token along the last axis."""

    k: Count = Field(default=5, description="how many of the best tokens are compared")


class ThresholdTable(OutputTable):
    """A score that decides between yes and no."""

    threshold: Number | None = Field(default=None, description="the score from which the decision is yes")

    @model_validator(mode="after")
    def _check_threshold(self) -> Self:
        if self.threshold is None:
            raise problem("the score from which the decision is yes", key="threshold")
        return self


class RetrievalTable(OutputTable):
    """An embedding whose nearest neighbours count."""

    k: Count = Field(default=10, description="how many neighbours are compared")


class MaskTable(OutputTable):
    """A decision for each position: by scores of classes, or by one score and a threshold."""

    axis: Axis | None = Field(default=None, description="the axis of the classes")
    threshold: Number | None = Field(default=None, description="the score from which a position belongs to the mask")

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.axis is None) == (self.threshold is None):
            raise problem("either axis (of the classes) or threshold")
        return self


TASK_TABLES: dict[TaskKind, type[OutputTable]] = {
    TaskKind.CLASSES: ClassesTable,
    TaskKind.TOKENS: TokensTable,
    TaskKind.THRESHOLD: ThresholdTable,
    TaskKind.RETRIEVAL: RetrievalTable,
    TaskKind.MASK: MaskTable,
    TaskKind.NONE: OutputTable,
}
"""The model of an output by its task."""


def _output_table(value: object) -> OutputTable:
    task = value.get("task") if isinstance(value, dict) else None
    if task is None:
        table = OutputTable.model_validate(value)
        if not table.limits:
            raise problem("a task, limits or both")
        return table
    if task not in list(TaskKind):
        raise problem(_TASKS, key="task", found=value_text(task))
    model = TASK_TABLES[TaskKind(task)]
    return model.model_validate(check_keys(value, model.model_fields, f"key of the task {task}"))


class MetricTable(Table):
    """A metric of your own."""

    function: Annotated[str, Field(pattern=r"^(?s:.+):[^:]+$"), expecting(_FUNCTION)] | None = Field(
        default=None,
        description=f"{_FUNCTION}; it is called with two dicts of outputs for each sample and returns a number",
    )
    mean: LimitTable | None = Field(
        default=None, description="the limit of the mean over the samples, without of_scale"
    )
    worst: LimitTable | None = Field(default=None, description="the limit of the worst sample, without of_scale")

    @model_validator(mode="after")
    def _check_budget(self) -> Self:
        bounds = [bound for bound in (self.mean, self.worst) if bound is not None]
        directions = {(bound.at_most is None, bound.at_least is None) for bound in bounds}
        if self.function is None:
            raise problem(_FUNCTION, key="function")
        if not bounds:
            raise problem("a budget: mean.at_most, worst.at_most, or at_least where more is better")
        if any(bound.of_scale for bound in bounds):
            raise problem("a bound in the metric's own unit: it has no scale")
        if len(directions) > 1 or (False, False) in directions:
            raise problem("at_most alone or at_least alone: it tells which value is the worst")
        return self

    def metric(self, name: str) -> UserMetric:
        """Return the metric as data."""
        budget = {
            part: table.limit(f"{name}.{part}")
            for part in ("mean", "worst")
            if (table := getattr(self, part)) is not None
        }
        return UserMetric(name, self.function or "", **budget)


def _check_settings(required: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    settings: tuple[str, ...] = info.context or ()
    known = settings if len(required) > 1 else (*QUANTIFIERS, *settings)
    check_keys(dict.fromkeys(required), known, "setting")
    return required


Required = Annotated[
    tuple[str, ...],
    Strict(strict=False),
    Field(min_length=1),
    expecting('a list of texts such as ["any"] or ["fp32/CPU_ONLY"]'),
    AfterValidator(_check_settings),
]


class PolicyFile(Table):
    """A policy. The settings that exist are the context in which it is read."""

    name: Text | None = Field(default=None, description="the policy's name; else the file's")
    required: Required = Field(
        default=_DEFAULTS.required, description='settings that must pass, by name; or ["any"], ["all"]'
    )
    noise_factor: Number = Field(
        default=_DEFAULTS.noise_factor, description="a difference within this many times the source's own noise passes"
    )
    noise_cap: Number = Field(
        default=_DEFAULTS.noise_cap,
        description="the largest difference that noise excuses, as a share of the output's scale",
    )
    limits: Limits = Field(default={}, description="a table for each metric that is limited")
    outputs: Annotated[dict[str, Annotated[OutputTable, PlainValidator(_output_table)]], A_TABLE] = Field(
        default={}, description="a table for each output that has a task, or limits of its own"
    )
    metrics: Annotated[dict[str, MetricTable], A_TABLE] = Field(
        default={}, description="a table for each metric of your own"
    )

    def all_limits(self) -> tuple[Limit, ...]:
        """Return the general limits and those of single outputs as data."""
        general = [table.limit(metric) for metric, table in self.limits.items()]
        own = [
            table.limit(metric, output)
            for output, outputs in self.outputs.items()
            for metric, table in outputs.limits.items()
        ]
        return (*general, *own)

    def tasks(self) -> tuple[OutputTask, ...]:
        """Return the tasks of the outputs as data."""
        return tuple(
            OutputTask(output, table.task, **table.model_dump(include={"axis", "k", "threshold"}))
            for output, table in self.outputs.items()
            if table.task is not None
        )

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        """Refuse no limits at all, and one on a metric of a task that no output has; classes may be guessed."""
        if not self.all_limits() and not self.metrics:
            raise problem(_SOME_LIMITS, key="limits")
        for limit in self.all_limits():
            task = _TASK_OF[limit.metric]
            outputs = [own.output for own in self.tasks() if own.kind == task]
            if task not in ("", TaskKind.CLASSES) and not (limit.output in outputs if limit.output else outputs):
                table = f"outputs.{limit.output}." if limit.output else ""
                expected = f'an output with task = "{task}", which this metric belongs to'
                raise problem(expected, key=f"{table}limits.{limit.metric}")
        return self
