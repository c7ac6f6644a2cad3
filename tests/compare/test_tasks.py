"""What each output is for: as named, as listed, or as its shape looks; and which shapes a task can have."""

from __future__ import annotations

import numpy as np
import pytest

from mlparity.compare.tasks import Tasks, tally_task, why_not
from mlparity.record.policy import OutputTask, TaskKind

MASK = OutputTask("y", TaskKind.MASK, threshold=0.5)
GUESSED = OutputTask("y", TaskKind.CLASSES, guessed=True)
LISTED = OutputTask("y", TaskKind.CLASSES)


@pytest.mark.parametrize(
    ("tasks", "shape", "wanted"),
    [
        (Tasks(), (4, 3), GUESSED),
        (Tasks(), (1, 4, 3), None),
        # A task that is named is taken, whatever the shape; none is none.
        (Tasks((MASK,)), (4, 3), MASK),
        (Tasks((OutputTask("y", TaskKind.NONE),)), (4, 3), None),
        (Tasks((OutputTask("z", TaskKind.NONE),)), (4, 3), GUESSED),
        # Where outputs are listed nothing is guessed; scores need two classes.
        (Tasks((), ("y",)), (1, 4, 3), LISTED),
        (Tasks((), ("y",)), (2,), LISTED),
        (Tasks((), ("y",)), (1,), None),
        (Tasks((), ("y",)), (), None),
        (Tasks((), ("z",)), (4, 3), None),
        (Tasks((), ()), (4, 3), None),
        (Tasks((MASK,), ("y",)), (4, 3), MASK),
    ],
)
def test_the_task_of_an_output(tasks: Tasks, shape: tuple[int, ...], wanted: OutputTask | None) -> None:
    assert tasks.of("y", np.zeros(shape), np.zeros(shape)) == wanted


@pytest.mark.parametrize(
    ("source", "artifact", "is_guessed"),
    [("float32", "float16", True), ("int32", "float32", False), ("float32", "int32", False)],
)
def test_classes_are_guessed_of_floats_on_both_sides(source: str, artifact: str, is_guessed: bool) -> None:
    found = Tasks().of("y", np.zeros((1, 3), source), np.zeros((1, 3), artifact))
    assert (found is not None) is is_guessed


@pytest.mark.parametrize(
    ("task", "shape", "words"),
    [
        (OutputTask("y", TaskKind.CLASSES), (2,), ""),
        (OutputTask("y", TaskKind.CLASSES), (1,), "needs two classes along axis -1"),
        (OutputTask("y", TaskKind.CLASSES), (), "takes axis -1"),
        (OutputTask("y", TaskKind.CLASSES, axis=1), (1, 2), ""),
        (OutputTask("y", TaskKind.CLASSES, axis=2), (1, 2), "takes axis 2"),
        (OutputTask("y", TaskKind.CLASSES, axis=-2), (2, 1), ""),
        (OutputTask("y", TaskKind.CLASSES, axis=-3), (2, 2), "takes axis -3"),
        (OutputTask("y", TaskKind.CLASSES, axis=0), (1, 2), "needs two classes along axis 0"),
        (OutputTask("y", TaskKind.MASK, axis=1), (1, 2, 4), ""),
        (OutputTask("y", TaskKind.MASK, axis=1), (1, 1, 4), "needs two classes along axis 1"),
        (MASK, (), ""),
        (OutputTask("y", TaskKind.THRESHOLD, threshold=0.5), (), ""),
        (OutputTask("y", TaskKind.RETRIEVAL), (1,), ""),
        (OutputTask("y", TaskKind.RETRIEVAL), (), "takes axis -1"),
    ],
)
def test_the_shape_that_a_task_needs(task: OutputTask, shape: tuple[int, ...], words: str) -> None:
    found = why_not(task, shape)
    assert words in found
    assert bool(found) is bool(words)


SOURCE, ARTIFACT = np.array([[3.0, 1.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("task", "decisions", "masks"),
    [
        (OutputTask("y", TaskKind.CLASSES), (2, 1), None),
        (OutputTask("y", TaskKind.CLASSES, axis=0), (2, 0), None),
        (OutputTask("y", TaskKind.THRESHOLD, threshold=0.5), (4, 1), None),
        (OutputTask("y", TaskKind.MASK, threshold=0.5), None, (1, 4)),
        (OutputTask("y", TaskKind.MASK, axis=1), None, (1, 2)),
        (OutputTask("y", TaskKind.RETRIEVAL), None, None),
        (OutputTask("y", TaskKind.NONE), None, None),
        (OutputTask("y", TaskKind.NONE, axis=1, threshold=0.5), None, None),
    ],
)
def test_what_a_sample_shows(
    task: OutputTask, decisions: tuple[int, int] | None, masks: tuple[int, int] | None
) -> None:
    tally = tally_task(task, SOURCE, ARTIFACT, "a")
    found = tally.decisions
    assert (None if found is None else (found.decisions, found.flipped)) == decisions
    assert (None if tally.mask is None else (tally.mask.changed, tally.mask.pixels)) == masks
