"""The trained models are what they claim to be: real inputs give the answers that a person would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch

from tests.models import samples, zoo
from tests.models.files import coreml_crepe, model_file
from tests.models.zoo import MODELS, Model

PIXELS_SEEN = list(samples.PHOTOS.values())


def run(model: Model, limit: int) -> Iterator[dict[str, np.ndarray]]:
    network = getattr(zoo, model.factory)()
    carried: dict[str, np.ndarray] = {}
    for _, sample in zip(range(limit), getattr(samples, model.samples)(), strict=False):
        with torch.no_grad():
            outputs = network(**{name: torch.from_numpy(value) for name, value in {**sample, **carried}.items()})
        named = outputs if isinstance(outputs, Mapping) else {"output": outputs}
        arrays = {name: value.numpy() for name, value in named.items()}
        carried = {into: arrays[out] for out, into in model.carry.items()}
        yield arrays


def row(factory: str) -> Model:
    (model,) = (model for model in MODELS if model.factory == factory)
    return model


def outputs_of(factory: str, output: str, limit: int = 100) -> np.ndarray:
    return np.concatenate([outputs[output] for outputs in run(row(factory), limit)])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.factory)
def test_outputs_are_finite_and_differ_between_samples(model: Model) -> None:
    first, second = run(model, 2)
    for name, values in first.items():
        assert np.isfinite(values).all()
        assert not np.array_equal(values, second[name]), name


def test_mobilenet_sees_a_cat_an_espresso_and_a_palace() -> None:
    assert outputs_of("mobilenet_v2", "logits").argmax(axis=1).tolist() == PIXELS_SEEN


def test_efficientnet_lite_sees_a_cat_an_espresso_and_a_palace() -> None:
    cat, *others = outputs_of("efficientnet_lite0", "output").argmax(axis=1).tolist()
    assert cat in range(281, 286)  # the five classes of domestic cats
    assert others == PIXELS_SEEN[1:]


def test_sentences_of_one_meaning_are_the_nearest() -> None:
    embeddings = outputs_of("minilm", "embedding")
    likeness = embeddings @ embeddings.T - 2 * np.eye(len(embeddings))
    assert likeness.argmax(axis=1)[:4].tolist() == [1, 0, 3, 2]


def test_the_plain_bert_is_the_one_of_transformers() -> None:
    words = outputs_of("minilm_transformers", "last_hidden_state")
    mask = np.concatenate([sample["attention_mask"] for sample in samples.sentences()])[:, :, None]
    mean = (words * mask).sum(axis=1) / mask.sum(axis=1)
    expected = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(outputs_of("minilm", "embedding"), expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated:DeprecationWarning")
def test_the_plain_voice_detector_is_the_shipped_one() -> None:
    shipped = torch.jit.load(str(model_file("silero_vad/data/silero_vad.jit")))
    with torch.no_grad():
        frames = [torch.from_numpy(s["x"][:, 64:]) for _, s in zip(range(200), samples.voice_frames(), strict=False)]
        expected = np.concatenate([shipped(frame, 16_000).numpy() for frame in frames])
    found = outputs_of("voice_activity", "probability", 200)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.min() < 0.05
    assert found.max() > 0.95


def test_pitch_is_that_of_a_pure_tone() -> None:
    tone = np.sin(2 * np.pi * 220 * np.arange(1024) / 16_000).astype(np.float32)
    with torch.no_grad():
        bins = zoo.pitch()(torch.from_numpy((tone / tone.std())[None]))["pitch"].numpy()
    cents = bins.argmax() * 20 + 1997.3794084376191  # https://github.com/marl/crepe/blob/master/crepe/core.py
    assert abs(10 * 2 ** (cents / 1200) - 220) < 3


def test_one_speaker_sounds_more_alike_than_noise() -> None:
    embeddings = outputs_of("speaker", "embedding")
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(np.abs(rng.standard_normal((1, 160, 40))).astype(np.float32))
    with torch.no_grad():
        stranger = zoo.speaker()(noise)["embedding"].numpy()[0]
    assert (embeddings @ embeddings.T).min() > (embeddings @ stranger).max()


def test_a_portrait_has_a_face() -> None:
    assert outputs_of("face_proposals", "faces")[:, 1].max() > 0.9


def test_beats_fall_on_each_half_second_of_music_at_120_beats_a_minute() -> None:
    logits = outputs_of("beats", "activations").reshape(-1, 3)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    beats = 1 - (weights / weights.sum(axis=1, keepdims=True))[:, 2]
    second_half = beats[250:]
    assert set((np.flatnonzero(second_half > 0.5) % 25).tolist()) <= {24, 0, 1}
    assert second_half.reshape(-1, 25).max(axis=1).min() > 0.5


def test_the_package_made_by_others_is_complete() -> None:
    assert (coreml_crepe() / "Data/com.apple.CoreML/weights/weight.bin").stat().st_size > 900_000
