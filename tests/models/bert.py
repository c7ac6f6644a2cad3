"""BERT in plain PyTorch, under the key names of its published weights, ending in a sentence embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, HEADS, LAYERS, INNER, WORDS, PLACES = 384, 12, 6, 1536, 30522, 512
MASKED = -1e4  # within fp16's range; after softmax it is 0 in every precision


def norm() -> nn.LayerNorm:
    return nn.LayerNorm(WIDTH, eps=1e-12)


class Embeddings(nn.Module):
    """Word, place and segment vectors, added and normalised; all words are of segment 0."""

    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(WORDS, WIDTH)
        self.position_embeddings = nn.Embedding(PLACES, WIDTH)
        self.token_type_embeddings = nn.Embedding(2, WIDTH)
        self.LayerNorm = norm()

    def forward(self, ids: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: ids.shape[1]]
        return self.LayerNorm(self.word_embeddings(ids) + places + self.token_type_embeddings.weight[0])


class AddAndNorm(nn.Module):
    """A linear layer whose output is added to a shortcut and normalised."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, WIDTH)
        self.LayerNorm = norm()

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + shortcut)


class Attention(nn.Module):
    """Self-attention over the words that the mask keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.self = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in ("query", "key", "value")})
        self.output = AddAndNorm(WIDTH)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        batch, words, _ = x.shape
        query, key, value = (
            self.self[name](x).reshape(batch, words, HEADS, WIDTH // HEADS).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(2, 3) / (WIDTH / HEADS) ** 0.5 + bias
        mixed = torch.softmax(scores, dim=-1) @ value
        return self.output(mixed.transpose(1, 2).reshape(batch, words, WIDTH), x)


class Layer(nn.Module):
    """Attention and a feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention()
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(WIDTH, INNER)})
        self.output = AddAndNorm(INNER)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        attended = self.attention(x, bias)
        return self.output(F.gelu(self.intermediate["dense"](attended)), attended)


class Sentences(nn.Module):
    """MiniLM-L6: the mean of the words' vectors, scaled to length 1.

    Shape: input_ids, attention_mask (N, T), integers; the mask is 1 for a word and 0 for padding.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = Embeddings()
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer() for _ in range(LAYERS))})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        kept = attention_mask.to(self.embeddings.LayerNorm.weight.dtype)
        x = self.embeddings(input_ids)
        layers = self.encoder["layer"]
        assert isinstance(layers, nn.ModuleList)
        for layer in layers:
            x = layer(x, ((1 - kept) * MASKED)[:, None, None, :])
        total = (x * kept[:, :, None]).sum(dim=1)
        mean = total / kept.sum(dim=1, keepdim=True)
        return {"embedding": mean / torch.norm(mean, dim=1, keepdim=True)}
