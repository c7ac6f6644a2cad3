"""`classify`: the label of the greatest probability, and the table of all."""

from __future__ import annotations

import pytest
import torch

from mlparity.engine.ops.classify import classify


def test_text_labels_map_to_their_probabilities() -> None:
    label, table = classify(torch.tensor([[0.25, 0.5, 0.125]]), ("cat", "dog", "owl"))
    assert label == "dog"
    assert table == {"cat": 0.25, "dog": 0.5, "owl": 0.125}


def test_number_labels_stay_numbers() -> None:
    assert classify(torch.tensor([0.25, 0.5]), (7, 0)) == (0, {7: 0.25, 0: 0.5})


def test_the_first_of_equal_probabilities_wins() -> None:
    assert classify(torch.tensor([0.5, 0.5]), ("cat", "dog"))[0] == "cat"


@pytest.mark.parametrize("classes", [(), ("cat",), ("cat", "dog", "owl")])
def test_labels_must_count_the_probabilities(classes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="labels for 2 probabilities"):
        classify(torch.tensor([0.25, 0.5]), classes)
