"""A source that PyTorch computes in two ways."""

from __future__ import annotations

import torch

from mlparity.diagnose.fast_path import fast_path
from mlparity.record.causes import CauseKind

FAST = {"y": torch.tensor([[1.0, 2.0], [0.0, 0.0]])}
PLAIN = {"y": torch.tensor([[1.0, 2.0], [3.0, -1.0]])}


def test_an_artifact_without_the_zeros_of_the_fast_path_shows_it() -> None:
    found = fast_path(PLAIN, FAST, PLAIN, 0.0, ("encoder",))
    assert found is not None
    assert found.kind is CauseKind.SOURCE
    assert found.evidence[0].names["layers"] == "encoder"


def test_an_artifact_with_the_zeros_does_not() -> None:
    other = {"y": torch.tensor([[5.0, 5.0], [0.0, 0.0]])}
    assert fast_path(other, FAST, PLAIN, 0.0, ("encoder",)) is None


def test_ways_that_agree_are_no_cause() -> None:
    assert fast_path(FAST, PLAIN, PLAIN, 0.0, ("encoder",)) is None
