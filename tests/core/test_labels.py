from __future__ import annotations

import pytest

from mlparity.core.labels import Labels


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (Labels(("cat", "dog", "owl")), 3, {"cat/1.jpg": 0, "owl/1.jpg": 2}),
        (Labels(("10", "2", "007")), 11, {"10/a.png": 10, "2/a.png": 2, "007/b.png": 7}),
        (Labels(("dog", "owl"), ("cat", "owl", "dog")), 3, {"dog/1.jpg": 2, "owl/2.jpg": 1}),
        (Labels(("cat", "dog")), 2, {"fox/1.jpg": None}),
    ],
)
def test_a_sample_has_the_class_of_its_folder(labels: Labels, classes: int, expected: dict[str, int | None]) -> None:
    assert {sample: labels.of(sample, classes) for sample in expected} == expected


@pytest.mark.parametrize(
    ("labels", "classes", "said"),
    [
        (Labels(("cat", "dog")), 1000, "2 folders stand for some of 1,000 classes"),
        (Labels(("1", "01")), 1000, "2 folders"),
        (Labels(("5", "9")), 8, "2 folders"),
        (Labels(("cat",), ("dog", "owl")), 2, "lacks the folder 'cat'"),
        (Labels(("dog",), ("dog", "owl")), 3, "2 class names, and the output 3 classes"),
    ],
)
def test_folders_that_tell_no_class_are_said(labels: Labels, classes: int, said: str) -> None:
    assert said in labels.why_not(classes)
    assert labels.of(f"{labels.folders[0]}/1.jpg", classes) is None


def test_a_class_is_called_by_its_name() -> None:
    assert Labels(("dog",), ("cat", "dog")).name(0, 2) == "cat"
    assert Labels(("cat", "dog")).name(1, 2) == "dog"
    assert Labels(("7",)).name(3, 10) == "3"
    assert Labels(("007",)).name(7, 10) == "007"
