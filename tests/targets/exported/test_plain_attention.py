"""Attention with masks agrees with PyTorch, whose own fast path leaves zeros at padded positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.targets.coreml.convert import CoremlOptions, Frontend
from mlparity.targets.exported.plain_attention import plain_attention
from tests.targets.parity import parity_of

X = np.random.default_rng(0).standard_normal((2, 6, 16)).astype(np.float32)
PADDED = np.array([[0] * 6, [0] * 3 + [1] * 3], np.int32)
SCATTERED = np.array([[0, 1, 0, 0, 0, 0], [0] * 3 + [1] * 3], np.int32)


def heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (4, 4)).transpose(1, 2)


class Masked(nn.Module):
    """What models do with a mask, each with an output of its own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.biased = nn.MultiheadAttention(16, 4, batch_first=True, add_bias_kv=True)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2, norm=nn.LayerNorm(16)
        )

    def forward(self, x: Tensor, m: Tensor) -> tuple[Tensor, ...]:
        padded = m > 0
        kept = ~padded
        scores = x @ x.transpose(1, 2)
        zeros = torch.zeros_like(padded, dtype=torch.float32).masked_fill_(padded, float("-inf"))
        return (
            self.attention(x, x, x, key_padding_mask=padded, need_weights=False)[0],
            *self.attention(x, x, x, key_padding_mask=m != 0),
            self.biased(x, x, x, key_padding_mask=m.bool(), need_weights=False)[0],
            self.encoder(x, src_key_padding_mask=padded),
            F.scaled_dot_product_attention(heads(x), heads(x), heads(x), attn_mask=kept[:, None, None, :]),
            F.scaled_dot_product_attention(heads(x), heads(x), heads(x), attn_mask=zeros[:, None, None, :], scale=0.3),
            scores.masked_fill(padded[:, None, :], float("-inf")).softmax(-1),
            torch.where(kept[:, None, :], scores, -1e4).softmax(-1),
            torch.ones_like(padded, dtype=torch.float32) * x[..., 0]
            + torch.full_like(padded, 0.5, dtype=torch.float32),
        )


pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
"""PyTorch says so once in a process, where its fast path takes a padding mask."""


@pytest.mark.parametrize(
    ("mask", "frontend"),
    [(PADDED, Frontend.TRACE), (PADDED.astype(bool), Frontend.EXPORT), (SCATTERED, Frontend.EXPORT)],
    ids=["at the end", "bool", "anywhere"],
)
def test_masks_agree_with_pytorch(mask: np.ndarray, frontend: Frontend, tmp_path: Path) -> None:
    parity = parity_of(Masked().eval(), {"x": X, "m": mask}, tmp_path, CoremlOptions(frontends=(frontend,)))
    assert parity.excess <= 1, parity


def test_the_fast_path_and_the_hooks_are_put_back() -> None:
    module = Masked().eval()
    with plain_attention(module):
        assert not torch.backends.mha.get_fastpath_enabled()
        assert module.encoder._forward_pre_hooks
    assert torch.backends.mha.get_fastpath_enabled()
    assert not module.encoder._forward_pre_hooks
    assert not module.encoder.layers[-1]._forward_hooks


@pytest.mark.parametrize(("mask", "zeros"), [(PADDED, True), (SCATTERED, False)])
def test_plain_ops_leave_zeros_where_the_fast_path_does(mask: np.ndarray, zeros: bool) -> None:
    module = Masked().eval()
    inputs = torch.from_numpy(X), torch.from_numpy(mask)
    encode: Callable[..., Any] = lambda: module.encoder(inputs[0], src_key_padding_mask=inputs[1] > 0)  # noqa: E731
    with torch.no_grad():
        fast = encode()
        with plain_attention(module):
            plain = encode()
    norm = module.encoder.norm
    assert isinstance(norm, nn.LayerNorm)
    assert bool((fast[1, 3:] == norm.bias).all()) is zeros
    torch.testing.assert_close(plain, fast, rtol=1e-5, atol=1e-5)
