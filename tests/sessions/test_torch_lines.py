"""The lines of the user's code that a run takes."""

from __future__ import annotations

import sys

import numpy as np
from torch import Tensor, nn

from mlparity.sessions.torch_lines import lines_of
from tests.loading import load_source


class Walked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        total = x[0]
        for row in range(1, x.shape[0]):
            total = total + x[row]
        return total


def test_a_loop_takes_its_lines_as_often_as_it_runs() -> None:
    samples = [{"x": np.ones((length, 2), np.float32)} for length in (2, 4)]
    source = load_source(Walked().eval(), samples[0])
    known = sys.gettrace()
    short, long = (lines_of(source, sample) for sample in samples)
    assert sys.gettrace() is known
    assert all(line.startswith("test_torch_lines.py:") for line in long)
    assert len(long) - len(short) == 4
