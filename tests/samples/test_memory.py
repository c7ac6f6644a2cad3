from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from mlparity.core.errors import InputError
from mlparity.samples.memory import memory_samples


def test_arrays_tensors_and_numbers_are_samples() -> None:
    samples = memory_samples([{"x": torch.ones(2, 3), "n": 4}, {"x": np.zeros((0, 3), np.float32), "n": True}])
    assert len(samples) == 2
    for _ in range(2):
        assert [name for name, _ in samples] == ["0", "1"]
    (_, first), (_, second) = samples
    assert first["x"].dtype == np.float32
    assert first["n"].shape == ()
    assert second["x"].shape == (0, 3)
    assert samples.description == "2 samples from memory"


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([], "there are no samples"),
        ([np.ones(3)], "no mapping"),
        ([{"x": "text"}], "holds no numbers"),
        ([{"x": [[1], [2, 3]]}], "is no array"),
        ([{"x": torch.ones(2, requires_grad=True)}], "is no array"),
    ],
)
def test_what_is_no_sample_is_refused(samples: Sequence[Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        memory_samples(samples)


def test_one_sample_is_no_plural() -> None:
    assert memory_samples([{"x": 1.0}]).description == "1 sample from memory"


@pytest.mark.parametrize("value", [np.array([1j]), np.array(["a"]), np.array([None]), np.array(["2020"], "datetime64")])
def test_arrays_that_hold_no_real_numbers_are_refused(value: np.ndarray) -> None:
    with pytest.raises(InputError, match="holds no numbers") as caught:
        memory_samples([{"x": 1}, {"y": value}])
    assert caught.value.where == "sample 1, input y"
