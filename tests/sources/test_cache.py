from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from tests.loading import load_source

SAMPLE = {"x": np.ones((1, 2), np.float32)}


class Cache:
    """What a language model returns beside its tensors."""


class ByConfig(nn.Module):
    def __init__(self, config: SimpleNamespace) -> None:
        super().__init__()
        self.config = config

    def forward(self, x: Tensor) -> dict[str, object]:
        return {"logits": x, "cache": Cache() if self.config.use_cache else None}


class ByArgument(ByConfig):
    def forward(self, x: Tensor, use_cache: bool = True) -> dict[str, object]:
        return {"logits": x, "cache": Cache() if use_cache else None}


def test_a_cache_is_switched_off_by_forwards_own_argument() -> None:
    net = ByArgument(SimpleNamespace(use_cache=True)).eval()
    assert load_source(net, SAMPLE).output_names == ("logits",)


def test_a_cache_is_switched_off_in_a_copy_of_the_config() -> None:
    net = nn.Sequential(ByConfig(SimpleNamespace(use_cache=True))).eval()[0]
    assert isinstance(net, ByConfig)
    assert load_source(net, SAMPLE).output_names == ("logits",)
    assert net.config.use_cache is True


def test_an_argument_of_that_name_is_left_alone_where_there_is_no_config() -> None:
    class Own(nn.Module):
        def forward(self, x: Tensor, use_cache: bool = True) -> Tensor:
            return x + (1 if use_cache else 2)

    source = load_source(Own().eval(), SAMPLE)
    assert source.module(torch.zeros(1))[0].item() == 1  # type: ignore[operator]


def test_transformers_models_give_tensors_only() -> None:
    from transformers import LlamaConfig, LlamaModel

    config = LlamaConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=20
    )
    ids = {"input_ids": np.array([[1, 2, 3]]), "attention_mask": np.ones((1, 3), np.int64)}
    assert load_source(LlamaModel(config).eval(), ids).output_names == ("last_hidden_state",)
