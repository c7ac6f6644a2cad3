"""A small Llama that keeps keys and values in state decodes 32 tokens as PyTorch does, and is verified over steps."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mlparity import VerifyOptions, api
from mlparity.core.words import Verdict
from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto
from mlparity.record.causes import CauseKind, Observation
from mlparity.report.causes import cause_sentence
from mlparity.targets.artifacts import inspected
from mlparity.targets.table import settings_from

STEPS, LONGEST, PROMPT = 32, 48, [3, 14, 15, 9, 26]


class Caches:
    """What a Llama's attention asks of a cache, over two buffers of a module: one slice of them for each layer."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, count: int, end: int) -> None:
        self.keys, self.values, self.begin, self.end = keys, values, end - count, end

    def update(
        self, key: torch.Tensor, value: torch.Tensor, layer: int, *_: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.write(self.keys, key, layer, self.begin)
        self.write(self.values, value, layer, self.begin)
        return tuple(held[layer, :, :, : self.end, :] for held in (self.keys, self.values))  # type: ignore[return-value]

    def write(self, held: torch.Tensor, new: torch.Tensor, layer: int, begin: int) -> None:
        held[layer : layer + 1, :, :, begin : begin + self.end - self.begin, :] = new.unsqueeze(0)


class Decoder(nn.Module):
    """The network of a `LlamaForCausalLM`, with its cache as buffers; the mask's width says how far decoding is."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, llama: Any) -> None:
        super().__init__()
        self.llama = llama
        config = llama.config
        shape = (config.num_hidden_layers, 1, config.num_key_value_heads, LONGEST, config.head_dim)
        self.register_buffer("keys", torch.zeros(shape))
        self.register_buffer("values", torch.zeros(shape))

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        count, end = tokens.shape[1], mask.shape[-1]
        model, caches = self.llama.model, Caches(self.keys, self.values, count, end)
        hidden = model.embed_tokens(tokens)
        places = torch.arange(LONGEST)[end - count : end].unsqueeze(0)
        angles = model.rotary_emb(hidden, position_ids=places)
        for layer in model.layers:
            hidden = layer(hidden, attention_mask=mask, position_embeddings=angles, past_key_values=caches)
        return self.llama.lm_head(model.norm(hidden))


@pytest.fixture(scope="module")
def llama() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(4)
    sizes: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 64}
    heads: dict[str, Any] = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": LONGEST}
    ways: dict[str, Any] = {"initializer_range": 0.25, "attn_implementation": "eager"}
    config = LlamaConfig(**sizes, **heads, **ways)
    return LlamaForCausalLM(config).eval()


def causal(count: int, end: int) -> np.ndarray:
    """Return the mask for `count` new tokens of `end` in all."""
    ahead = np.arange(end)[None] > np.arange(end - count, end)[:, None]
    return np.where(ahead, np.float32(-1e4), np.float32(0))[None, None]


def converted(llama: Any) -> Any:
    enable_coremltools()
    proto("Model")
    import coremltools as ct

    decoder = Decoder(llama).eval()
    count, end = ct.RangeDim(1, LONGEST, default=1), ct.RangeDim(1, LONGEST, default=8)
    inputs = [
        ct.TensorType("tokens", (1, count), dtype=np.int32),
        ct.TensorType("mask", (1, 1, count, end), dtype=np.float32),
    ]
    held = ct.TensorType(shape=tuple(decoder.keys.shape), dtype=np.float16)  # Core ML holds state in fp16 alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(decoder, (torch.zeros(1, 2, dtype=torch.int32), torch.from_numpy(causal(2, 8))))
        return ct.convert(
            traced,
            inputs=inputs,
            outputs=[ct.TensorType("logits", dtype=np.float32)],
            states=[ct.StateType(held, name="keys"), ct.StateType(held, name="values")],
            minimum_deployment_target=ct.target.iOS18,
            compute_precision=ct.precision.FLOAT32,
        )


def test_thirty_two_tokens_are_pytorchs(llama: Any) -> None:
    model = converted(llama)
    state, tokens, new = model.make_state(), list(PROMPT), list(PROMPT)
    for _ in range(STEPS):
        features = {"tokens": np.array([new], np.int32), "mask": causal(len(new), len(tokens))}
        found = model.predict(features, state=state)["logits"][0, -1]
        with torch.inference_mode():
            wanted = llama(torch.tensor([tokens]), use_cache=False).logits[0, -1].numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-2 * np.abs(wanted).max())
        assert found.argmax() == wanted.argmax()
        new = [int(found.argmax())]
        tokens += new
    assert len(set(tokens[len(PROMPT) :])) > 4, "a model that repeats itself shows nothing of its cache"
    assert np.abs(state.read_state("keys")[:, :, :, : len(tokens) - 1]).min() > 0
    assert not state.read_state("keys")[:, :, :, len(tokens) - 1 :].any()


def steps(prompt: int, count: int) -> list[dict[str, np.ndarray]]:
    """Return a prompt of so many tokens, then one token a step."""
    tokens = np.random.default_rng(prompt).integers(0, 64, (1, prompt + count))
    ends = range(prompt, prompt + count + 1)
    begins = (0, *range(prompt, prompt + count))
    return [
        {"tokens": tokens[:, begin:end], "mask": causal(end - begin, end)}
        for begin, end in zip(begins, ends, strict=True)
    ]


@pytest.mark.filterwarnings("ignore")
def test_a_decoder_is_verified_from_its_source(llama: Any, tmp_path: Path) -> None:
    """Buffers become states, lengths become ranges, and what fp16 states cost is told apart from the ops."""
    sequences = [steps(prompt, 4) for prompt in (1, 5, 17)]
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))
    record = api.verify(Decoder(llama).eval(), tmp_path / "out", sequences, "task", options)
    assert record.verdict is Verdict.PASS
    assert [state.name for state in inspected(tmp_path / "out" / record.artifacts[0].path).states] == ["keys", "values"]
    assert record.artifacts[0].options["flexible"] == "tokens[1] 1..17, mask[2] 1..17, mask[3] 1..21"
    assert [figure.step for figure in record.settings[0].outputs[0].by_step] == [0, 1, 2, 3, 4]
    assert record.cause.evidence[0].observation is Observation.STATE_STORED


class ShiftedValues(Caches):
    """The same with the values of the second layer written one place too far."""

    def write(self, held: torch.Tensor, new: torch.Tensor, layer: int, begin: int) -> None:
        super().write(held, new, layer, begin + (held is self.values and layer == 1))


class ScaledKeys(Caches):
    """The same with the keys of the first layer written too large."""

    def write(self, held: torch.Tensor, new: torch.Tensor, layer: int, begin: int) -> None:
        super().write(held, new * 1.1 if held is self.keys and layer == 0 else new, layer, begin)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("faulty", "layer", "write"), [(ShiftedValues, 1, "slice_scatter_7"), (ScaledKeys, 0, "slice_scatter_1")]
)
def test_a_wrong_write_is_found(
    llama: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faulty: type[Caches], layer: int, write: str
) -> None:
    """The op of the graph, the write of the source, and the step; every layer writes into one buffer."""
    sequences = [steps(prompt, 4) for prompt in (5, 17)]
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))
    monkeypatch.setattr(f"{__name__}.Caches", faulty)
    made = api.verify(Decoder(llama).eval(), tmp_path / "made", sequences, "task", options)
    monkeypatch.undo()
    package = tmp_path / "made" / made.artifacts[0].path
    given = replace(options, artifacts=(package,))
    record = api.verify(Decoder(llama).eval(), tmp_path / "out", sequences, "task", given)
    said = cause_sentence(record)
    assert record.cause.kind is CauseKind.CONVERTER
    assert f"begins at slice_update {write}" in said.replace("'", "")
    assert f"aten.copy_ in llama.model.layers.{layer}.self_attn (test_decoding.py:" in said
    assert "That is seen on sample" in said
    assert "did not finish" not in said
