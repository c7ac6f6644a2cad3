from __future__ import annotations

import pytest
from torch import Tensor, nn

from mlparity.core.errors import InputError
from mlparity.sources.forward import InputOrder, forward_inputs, ordered_names


class Two(nn.Module):
    def forward(self, image: Tensor, mask: Tensor | None = None, *, scale: Tensor | None = None) -> Tensor:
        return image


class Many(nn.Module):
    def forward(self, *parts: Tensor) -> Tensor:
        return parts[0]


class Open(nn.Module):
    def forward(self, image: Tensor, **rest: Tensor) -> Tensor:
        return image


@pytest.mark.parametrize(
    ("module", "sample", "order"),
    [
        (Two(), ("image",), InputOrder(("image",), 1)),
        (Two(), ("mask", "image"), InputOrder(("image", "mask"), 2)),
        (Two(), ("scale", "image"), InputOrder(("image", "scale"), 1)),
        (Many(), ("b", "a"), InputOrder(("b", "a"), 2)),
        (nn.Linear(1, 1), ("input",), InputOrder(("input",), 1)),
    ],
)
def test_a_samples_names_come_in_forwards_order(module: nn.Module, sample: tuple[str, ...], order: InputOrder) -> None:
    assert ordered_names(forward_inputs(module), sample, "here") == order


@pytest.mark.parametrize(
    ("module", "sample", "complaint"),
    [
        (Two(), ("image", "masks"), "does not know masks"),
        (Two(), ("mask",), "lacks image"),
        (Two(), ("picture",), "does not know picture; the sample lacks image"),
        # A misspelt name would be swallowed by **rest and change nothing, unseen.
        (Open(), ("image", "attention_masks"), "does not know attention_masks"),
    ],
)
def test_a_name_too_many_or_too_few_is_named(module: nn.Module, sample: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        ordered_names(forward_inputs(module), sample, "here")
    assert "forward(image" in caught.value.expected
    assert all(name in caught.value.found for name in sample)
