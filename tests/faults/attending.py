"""Masks of attention: inverted, dropped, and PyTorch's own fast path, which writes zeros at padded positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.core.session import Sample
from tests.faults import networks as nets
from tests.faults.artifacts import elsewhere
from tests.faults.fault import COREAI, LITERT, ONNX, Fault, fault
from tests.faults.makers import changed

CONVERTER, SOURCE, NONE = "converter", "source", "none"


class Padded(nn.Module):
    """Self-attention that leaves padded keys out."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.flips = False

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        masked = m > 0
        if self.flips:
            masked = ~masked
        return self.attention(x, x, x, key_padding_mask=masked, need_weights=False)[0]


class Encoded(nn.Module):
    """PyTorch's own encoder."""

    def __init__(self, layers: int = 2) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        return self.encoder(x, src_key_padding_mask=m > 0)


class Plain(nn.Module):
    """An encoder without its fast path, as exporters see it; `flips` inverts the mask on the way."""

    def __init__(self, encoded: Encoded, flips: bool = False) -> None:
        super().__init__()
        self.encoder, self.flips = encoded.encoder, flips

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        masked = m > 0
        y = x
        for layer in self.encoder.layers:
            y = _layer(layer, y, ~masked if self.flips else masked)
        return y


def _layer(layer: Any, x: Tensor, masked: Tensor) -> Tensor:
    """One encoder layer op by op: queries, keys and values, attention, and the two layers behind it."""
    attention = layer.self_attn
    parts = F.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1)
    q, k, v = (each.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for each in parts)
    added = torch.zeros(masked.shape).masked_fill(masked, float("-inf"))[:, None, None, :]
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + added
    mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
    x = layer.norm1(x + F.linear(mixed, attention.out_proj.weight, attention.out_proj.bias))
    return layer.norm2(x + layer.linear2(torch.relu(layer.linear1(x))))


class Causal(nn.Module):
    """Attention that looks back only."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
        self.is_causal, self.scale = True, 8**-0.5

    def forward(self, x: Tensor) -> Tensor:
        scores = self.q(x) @ self.k(x).transpose(-1, -2) * self.scale
        if self.is_causal:
            scores = scores + torch.full((x.shape[1], x.shape[1]), -1e4).triu(1)
        return scores.softmax(-1) @ self.v(x)


class Kept(nn.Module):
    """`scaled_dot_product_attention` with a mask of truth values: True takes part."""

    def __init__(self) -> None:
        super().__init__()
        self.flips = False

    def forward(self, q: Tensor, k: Tensor, v: Tensor, m: Tensor) -> Tensor:
        taken = m > 0
        return F.scaled_dot_product_attention(q, k, v, attn_mask=~taken if self.flips else taken)


def ends() -> list[Sample]:
    random = np.random.default_rng(0)
    mask = np.array([[0] * 6, [0] * 3 + [1] * 3], np.int32)
    return [{"x": random.standard_normal((2, 6, 16)).astype(np.float32), "m": mask} for _ in range(2)]


def steps() -> list[Sample]:
    random = np.random.default_rng(0)
    return [{"x": random.standard_normal((1, 5, 8)).astype(np.float32)}]


def queries() -> list[Sample]:
    random = np.random.default_rng(0)
    made = {name: random.standard_normal((1, 2, 6, 8)).astype(np.float32) for name in "qkv"}
    mask = np.ones((1, 1, 6, 6), np.int32)
    mask[..., 4:] = 0
    return [{**made, "m": mask}]


def flipped(module: Any) -> None:
    module.flips = True


def looking_ahead(module: Any) -> None:
    module.is_causal = False


def unscaled(module: Any) -> None:
    module.scale = 1.0


MASKS: tuple[Fault, ...] = (
    fault(
        "encoder_with_both",
        nets.seeded(Encoded),
        ends,
        changed(lambda m: Plain(m, flips=True).eval()),
        CONVERTER,
        SOURCE,
        also=frozenset({CONVERTER, SOURCE}),
        ops=("mask", "attention", "logical_not", "select", "softmax", "where", "add"),
        cure="masks",
    ),
    fault(
        "encoder_with_its_fast_path",
        nets.seeded(Encoded),
        ends,
        changed(lambda m: Plain(m).eval()),
        SOURCE,
        words=("encoder",),
        cure="source",
    ),
    fault(
        "encoder_with_its_fast_path_in_onnx",
        nets.seeded(lambda: Encoded(1)),
        ends,
        elsewhere(lambda m: Plain(m).eval()),
        SOURCE,
        suffix=ONNX,
        words=("encoder",),
        cure="source",
    ),
    fault(
        "padding_mask_inverted",
        nets.seeded(Padded),
        ends,
        changed(flipped),
        CONVERTER,
        ops=("mask", "attention", "logical_not", "select", "softmax", "where"),
        cure="frontend",
    ),
    fault(
        "padding_mask_inverted_in_litert",
        nets.seeded(Padded),
        ends,
        elsewhere(flipped),
        CONVERTER,
        "runtime",
        suffix=LITERT,
        cure="frontend",
    ),
    fault(
        "padding_mask_inverted_in_core_ai",
        nets.seeded(Padded),
        ends,
        elsewhere(flipped),
        CONVERTER,
        "runtime",
        suffix=COREAI,
        cure="frontend",
    ),
    fault(
        "causal_mask_lost",
        nets.seeded(Causal),
        steps,
        changed(looking_ahead),
        CONVERTER,
        ops=("softmax", "add"),
        cure="frontend",
    ),
    fault(
        "causal_mask_lost_in_onnx",
        nets.seeded(Causal),
        steps,
        elsewhere(looking_ahead),
        CONVERTER,
        suffix=ONNX,
        ops=("Softmax", "softmax", "Add", "add"),
        cure="frontend",
    ),
    fault(
        "scores_not_scaled",
        nets.seeded(Causal),
        steps,
        elsewhere(unscaled),
        CONVERTER,
        "runtime",
        suffix=LITERT,
        ops=("mul", "MUL", "matmul", "add", "ADD"),
        cure="frontend",
    ),
    fault(
        "truth_mask_inverted",
        lambda: Kept().eval(),
        queries,
        changed(flipped),
        CONVERTER,
        ops=("attention", "mask", "select", "softmax", "logical_not"),
        cure="frontend",
    ),
)

HEALTHY: tuple[Fault, ...] = (fault("healthy_padding_mask", nets.seeded(Padded), ends, changed(lambda m: None), NONE),)
