"""What each output is for, and what a sample shows of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from mlparity.compare.classes import looks_like_classes, tally_classes
from mlparity.compare.labels import tally_labels
from mlparity.compare.masks import tally_mask
from mlparity.compare.tally import TaskTally
from mlparity.compare.thresholds import tally_threshold
from mlparity.compare.tokens import tally_tokens
from mlparity.core.labels import Labels
from mlparity.record.policy import OutputTask, TaskKind


class Tasks:
    """The tasks of the outputs: those that are named, else classes for `class_outputs`, else guessed by shape."""

    def __init__(self, named: Sequence[OutputTask] = (), class_outputs: Collection[str] | None = None) -> None:
        """Take the tasks of a policy, and the outputs of class scores (None: guess them, empty: there are none)."""
        self._named = {task.output: task for task in named}
        self._class_outputs = class_outputs

    def of(self, output: str, source: np.ndarray, artifact: np.ndarray) -> OutputTask | None:
        """Return the task of an output, None where there is none."""
        if output in self._named:
            task = self._named[output]
            return None if task.kind is TaskKind.NONE else task
        if self._class_outputs is not None:
            is_named = output in self._class_outputs and source.ndim > 0 and source.shape[-1] >= 2
            return OutputTask(output, TaskKind.CLASSES) if is_named else None
        if looks_like_classes(source) and artifact.dtype.kind == "f":
            return OutputTask(output, TaskKind.CLASSES, guessed=True)
        return None


def why_not(task: OutputTask, shape: tuple[int, ...]) -> str:
    """Say why an output of this shape cannot have the task, or nothing."""
    axis = _axis(task)
    if axis is not None and not -len(shape) <= axis < len(shape):
        return f"the task {task.kind} takes axis {axis}, and the output has the shape {shape}"
    if axis is not None and task.kind is not TaskKind.RETRIEVAL and shape[axis] < 2:
        return f"the task {task.kind} needs two classes along axis {axis}, and the output has the shape {shape}"
    return ""


def tally_task(
    task: OutputTask, source: np.ndarray, artifact: np.ndarray, sample: str, labels: Labels | None = None
) -> TaskTally:
    """Return what one sample shows of a task; embeddings are searched elsewhere, because they need the others.

    Labels are for class scores along the last axis.

    Shape: both alike, and one that `why_not` has no word against.
    """
    axis = _axis(task)
    if task.kind is TaskKind.CLASSES and axis is not None:
        known = labels if axis in (-1, source.ndim - 1) else None
        labelled = None if known is None else tally_labels(known, source, artifact, sample)
        return TaskTally(decisions=tally_classes(source, artifact, sample, axis, task.k), labels=labelled)
    if task.kind is TaskKind.TOKENS:
        decisions = tally_classes(source, artifact, sample, -1, task.k)
        return TaskTally(decisions=decisions, tokens=tally_tokens(source, artifact, sample))
    if task.kind is TaskKind.THRESHOLD and task.threshold is not None:
        return TaskTally(decisions=tally_threshold(source, artifact, sample, task.threshold))
    if task.kind is TaskKind.MASK:
        return TaskTally(mask=tally_mask(source, artifact, axis, task.threshold))
    return TaskTally()


def _axis(task: OutputTask) -> int | None:
    if task.kind in (TaskKind.CLASSES, TaskKind.TOKENS, TaskKind.RETRIEVAL) and task.axis is None:
        return -1
    return task.axis
