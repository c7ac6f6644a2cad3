from __future__ import annotations

import pytest
import torch

from mlparity.engine.ops.states import State, read_state, write_state


def test_a_state_gives_back_what_was_written() -> None:
    before, data = State(torch.zeros(2)), torch.tensor([1.0, float("nan")])
    assert read_state(before) is before
    assert write_state(before, data) is data


@pytest.mark.parametrize("shape", [(3,), (), (1, 2)])
def test_a_state_keeps_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[2\]"):
        write_state(State(torch.zeros(2)), torch.zeros(shape))
