"""Policies by name, and from TOML files.

A file looks like this; all keys but `limits` may be left out::

    name = "mobile-classifier"             # else the file's name
    required = ["fp32/CPU_ONLY"]           # ["any"] (else), ["all"], or names of settings
    noise_factor = 2.0                     # a difference within this many times the source's own noise passes,
    noise_cap = 0.01                       # but noise excuses at most this much of the output's scale

    [limits.max_abs]                       # a metric
    at_most = 1e-4                         # or at_least, or both
    of_scale = true                        # times the output's scale; false where it is left out

    [limits.flips]
    at_most = 0

    [outputs.mask]                         # what an output is for
    task = "mask"                          # classes, threshold, retrieval, mask or none
    axis = 1                               # the class axis of classes (else -1) and masks
    threshold = 0.5                        # of thresholds, and of masks without a class axis
    k = 5                                  # how many best classes (else 5) or neighbours (else 10) are compared
    limits.mask_iou.at_least = 0.99        # limits of this output alone, in the place of the general ones

    [metrics.boxes_lost]                   # a metric of your own
    function = "task.py:boxes_lost"        # called with two dicts of outputs for each sample; gives a number
    mean.at_most = 0.1                     # its budget: of the mean, of the worst sample, or both
    worst.at_most = 2
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.policies import POLICIES
from mlparity.compare.policy_check import check_policy
from mlparity.core.errors import PolicyError
from mlparity.core.names import checked_name
from mlparity.core.numbers import value_text
from mlparity.core.regular_files import SMALL, read_regular
from mlparity.record.policy import Limit, OutputTask, Policy, TaskKind, UserMetric

_TOP_KEYS = ("name", "required", "noise_factor", "noise_cap", "limits", "outputs", "metrics")
_LIMIT_KEYS = ("at_most", "at_least", "of_scale")
_OUTPUT_KEYS = ("task", "axis", "threshold", "k", "limits")
_METRIC_KEYS = ("function", "mean", "worst")
_DEFAULTS = Policy("", ())
_BEST, _NEIGHBOURS = 5, 10
_LARGEST = 2**31 - 1  # of an axis or a count: what any array can have
# What a task reads of its table, beside `task` and `limits`.
_USED = {
    TaskKind.CLASSES: ("axis", "k"),
    TaskKind.THRESHOLD: ("threshold",),
    TaskKind.RETRIEVAL: ("k",),
    TaskKind.MASK: ("axis", "threshold"),
    TaskKind.NONE: (),
}
_QUANTIFIERS = ("any", "all")


def policy_of(policy: str | Path | Policy, settings: tuple[str, ...]) -> Policy:
    """Return a policy that is given as an object, by its name or as a file that may require these settings.

    Raises:
        PolicyError: no such name or file, or something in it that does not exist or cannot be.
    """
    return check_policy(policy) if isinstance(policy, Policy) else load_policy(policy, settings)


def load_policy(name_or_path: str | Path, settings: tuple[str, ...]) -> Policy:
    """Return the policy of that name, or read it from a TOML file of the form above, which may require `settings`.

    Raises:
        PolicyError: no such name or file, a key, metric, setting or value that does not exist, or a limit that no value
            can meet or break.
    """
    known = {policy.name: policy for policy in POLICIES}
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = Path(name_or_path)
    try:
        table = tomllib.loads(read_regular(path, limit=SMALL).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise PolicyError(
            "the policy cannot be read",
            where=str(name_or_path),
            found=str(error),
            expected=f"{_list(known)}, or a TOML file",
            next_step="check the name or the path; the documentation's policy page shows a complete file",
        ) from error
    return check_policy(_Reader(str(path), settings).policy(table, checked_name(path.stem, "the policy")), str(path))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Checks one file's values; `file` is for messages, `settings` are those that exist."""

    file: str
    settings: tuple[str, ...]

    def policy(self, table: Mapping[str, object], default_name: str) -> Policy:
        self.check_keys(table, _TOP_KEYS, "")
        name = table.get("name", default_name)
        if not isinstance(name, str) or not name:
            raise self.wrong("name", name, "a text")
        tasks, limits = self.outputs(self.table(table, "outputs"))
        limits = (*self.limits(table.get("limits", {}), "limits"), *limits)
        metrics = tuple(self.metric(key, value) for key, value in self.table(table, "metrics").items())
        if not limits and not metrics:
            raise self.wrong("limits", table.get("limits"), "at least one table such as [limits.max_abs]")
        self.check_tasks(limits, tasks)
        return Policy(
            name=name,
            limits=limits,
            required=self.required(table.get("required", ["any"])),
            noise_factor=self.not_negative("noise_factor", table.get("noise_factor", _DEFAULTS.noise_factor)),
            noise_cap=self.not_negative("noise_cap", table.get("noise_cap", _DEFAULTS.noise_cap)),
            tasks=tasks,
            metrics=metrics,
        )

    def limits(self, value: object, place: str, output: str = "") -> tuple[Limit, ...]:
        if not isinstance(value, dict):
            raise self.wrong(place, value, "at least one table such as [limits.max_abs]")
        self.check_keys(value, tuple(info.name for info in METRIC_INFOS), place, "metric")
        return tuple(self.limit(f"{place}.{metric}", metric, each, output) for metric, each in value.items())

    def outputs(self, table: Mapping[str, object]) -> tuple[tuple[OutputTask, ...], tuple[Limit, ...]]:
        tasks: list[OutputTask] = []
        limits: list[Limit] = []
        for output in table:
            place, own = f"outputs.{output}", self.table(table, output, "outputs.")
            self.check_keys(own, _OUTPUT_KEYS, place)
            limits += self.limits(own.get("limits", {}), f"{place}.limits", output)
            if "task" in own:
                tasks.append(self.task(output, own, place))
            elif not own.get("limits"):
                raise self.wrong(place, None, "a task, limits or both")
        return tuple(tasks), tuple(limits)

    def task(self, output: str, own: Mapping[str, object], place: str) -> OutputTask:
        if own["task"] not in list(TaskKind):
            raise self.wrong(f"{place}.task", own["task"], f"one of {', '.join(TaskKind)}")
        kind = TaskKind(str(own["task"]))
        self.check_keys(own, ("task", "limits", *_USED[kind]), place, f"key of the task {kind}")
        axis = self.integer(f"{place}.axis", own["axis"]) if "axis" in own else None
        k = self.integer(f"{place}.k", own["k"]) if "k" in own else _default_k(kind)
        threshold = self.number(f"{place}.threshold", own["threshold"]) if "threshold" in own else None
        if k < 1:
            raise self.wrong(f"{place}.k", k, "1 or more")
        if kind is TaskKind.THRESHOLD and threshold is None:
            raise self.wrong(f"{place}.threshold", None, "the score from which the decision is positive")
        if kind is TaskKind.MASK and (axis is None) == (threshold is None):
            raise self.wrong(place, dict(own), "either axis (of the classes) or threshold")
        return OutputTask(output, kind, axis, k, threshold)

    def check_tasks(self, limits: tuple[Limit, ...], tasks: tuple[OutputTask, ...]) -> None:
        """Refuse a limit on a metric of a task that no output has; classes may be guessed from the shape."""
        task_of = {info.name: info.task for info in METRIC_INFOS}
        for limit in limits:
            task = task_of[limit.metric]
            having = [each.output for each in tasks if each.kind == task]
            is_had = limit.output in having if limit.output else bool(having)
            if task not in ("", TaskKind.CLASSES) and not is_had:
                place = f"outputs.{limit.output}.limits.{limit.metric}" if limit.output else f"limits.{limit.metric}"
                raise self.wrong(place, None, f'an output with task = "{task}", which this metric belongs to')

    def metric(self, name: str, value: object) -> UserMetric:
        place = f"metrics.{name}"
        own = self.table({name: value}, name, "metrics.")
        self.check_keys(own, _METRIC_KEYS, place)
        function = own.get("function")
        if not isinstance(function, str) or not all(function.rpartition(":")[::2]):
            raise self.wrong(f"{place}.function", function, "module:function or file.py:function")
        bounds = {
            each: self.limit(f"{place}.{each}", f"{name}.{each}", own[each])
            for each in ("mean", "worst")
            if each in own
        }
        if not bounds:
            raise self.wrong(place, None, "a budget: mean.at_most, worst.at_most, or at_least where more is better")
        if any(bound.of_scale for bound in bounds.values()):
            raise self.wrong(place, "of_scale", "a bound in the metric's own unit: it has no scale")
        directions = {bound.at_least is not None for bound in bounds.values()}
        if len(directions) > 1 or any(None not in (bound.at_most, bound.at_least) for bound in bounds.values()):
            raise self.wrong(place, dict(own), "at_most alone or at_least alone: it tells which value is the worst")
        return UserMetric(name, function, bounds.get("mean"), bounds.get("worst"))

    def table(self, parent: Mapping[str, object], key: str, place: str = "") -> Mapping[str, object]:
        value = parent.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(f"{place}{key}", value, "a table")
        return value

    def limit(self, place: str, metric: str, value: object, output: str = "") -> Limit:
        if not isinstance(value, dict):
            raise self.wrong(place, value, f"a table with {_list(_LIMIT_KEYS)}")
        self.check_keys(value, _LIMIT_KEYS, place)
        bounds = {key: self.number(f"{place}.{key}", value[key]) for key in ("at_most", "at_least") if key in value}
        if not bounds:
            raise self.wrong(place, value, "at_most, at_least or both")
        of_scale = value.get("of_scale", False)
        if not isinstance(of_scale, bool):
            raise self.wrong(f"{place}.of_scale", of_scale, "true or false")
        return Limit(metric, bounds.get("at_most"), bounds.get("at_least"), of_scale, output)

    def required(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(isinstance(entry, str) for entry in value):
            raise self.wrong("required", value, 'a list of texts such as ["any"] or ["fp32/CPU_ONLY"]')
        if len(value) > 1:
            self.check_keys(dict.fromkeys(value), self.settings, "required", "setting")
        else:
            self.check_keys(dict.fromkeys(value), (*_QUANTIFIERS, *self.settings), "required", "setting")
        return tuple(value)

    def not_negative(self, place: str, value: object) -> float:
        number = self.number(place, value)
        if number < 0:
            raise self.wrong(place, value, "a number of 0 or more")
        return number

    def integer(self, place: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(place, value, "an integer")
        if abs(value) > _LARGEST:
            raise self.wrong(place, value, f"at most {_LARGEST}")
        return value

    def number(self, place: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(place, value, "a finite number")
        try:
            number = float(value)
        except OverflowError:
            raise self.wrong(place, value, "a number that fits into 64 bits") from None
        if not math.isfinite(number):
            raise self.wrong(place, value, "a finite number")
        return number

    def check_keys(self, table: Mapping[str, object], known: tuple[str, ...], place: str, what: str = "key") -> None:
        for key in table:
            if key not in known:
                where = f"{place}.{key}" if place else key
                raise self.wrong(where, key, f"a known {what}: {_list(known)}")

    def wrong(self, place: str, found: object, expected: str) -> PolicyError:
        return PolicyError(
            "the policy is not valid",
            where=f"{self.file}, {place}",
            found="nothing" if found is None else value_text(found),
            expected=expected,
            next_step="correct the file; `--policy consistency` uses the built-in one",
        )


def _default_k(kind: TaskKind) -> int:
    return _NEIGHBOURS if kind is TaskKind.RETRIEVAL else _BEST


def _list(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(names)
