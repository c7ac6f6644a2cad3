from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import SourceError
from mlparity.sessions import torch as torch_backend
from mlparity.sources.deterministic import check_deterministic
from tests.loading import load_source

SAMPLE = {"x": np.ones((1, 8), np.float32)}


class Noisy(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"steady": x, "noisy": x + torch.rand_like(x)}


class Counting(nn.Module):
    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + self.calls


class Growing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        return x[:, : self.seen]


class Undefined(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / 0 - x / 0


@pytest.mark.parametrize(
    ("module", "output", "found"),
    [
        (Noisy(), "noisy", "of 8 elements"),
        (Counting(), "output", "a largest difference of 1 in 8"),
        (Growing(), "output", "shape"),
    ],
)
def test_outputs_that_change_are_named_with_the_size_of_the_change(module: nn.Module, output: str, found: str) -> None:
    session = torch_backend.open(load_source(module.eval(), SAMPLE))
    with pytest.raises(SourceError, match="other outputs") as caught:
        check_deterministic(session, SAMPLE)
    assert caught.value.where.startswith(f"output {output},")
    assert found in caught.value.found


@pytest.mark.parametrize("module", [nn.Identity(), Undefined()])
def test_the_same_bits_pass_even_if_they_are_nan(module: nn.Module) -> None:
    sample = SAMPLE if isinstance(module, Undefined) else {"input": SAMPLE["x"]}
    check_deterministic(torch_backend.open(load_source(module.eval(), sample)), sample)
