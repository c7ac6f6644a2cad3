"""basic-pitch's three files of one network give the same notes: Core ML against ONNX and TFLite."""

from __future__ import annotations

from pathlib import Path

import ai_edge_litert.interpreter as litert
import basic_pitch
import librosa
import numpy as np
import pytest
from basic_pitch.constants import AUDIO_N_SAMPLES, AUDIO_SAMPLE_RATE
from basic_pitch.inference import Model

FOLDER = Path(basic_pitch.__file__).parent / "saved_models" / "icassp_2022"
NAMES = ("note", "onset", "contour")


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Two seconds of a voice, and two of a chord."""
    sound, _ = librosa.load(Path("tests/resources/vocadito_10.wav"), sr=AUDIO_SAMPLE_RATE, mono=True)
    time = np.arange(AUDIO_N_SAMPLES) / AUDIO_SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.18, 329.63)) / 3
    return np.stack([sound[:AUDIO_N_SAMPLES], chord])[..., None].astype(np.float32)


@pytest.fixture(scope="module")
def of_core_ml(windows: np.ndarray) -> list[dict[str, np.ndarray]]:
    model = Model(FOLDER / "nmp.mlpackage")
    assert model.model_type is Model.MODEL_TYPES.COREML
    return [model.predict(window[None]) for window in windows]


def test_core_ml_gives_what_onnx_gives(windows: np.ndarray, of_core_ml: list[dict[str, np.ndarray]]) -> None:
    model = Model(FOLDER / "nmp.onnx")
    assert model.model_type is Model.MODEL_TYPES.ONNX
    for window, found in zip(windows, of_core_ml, strict=True):
        expected = model.predict(window[None])
        for name in NAMES:
            np.testing.assert_allclose(found[name], expected[name], atol=2e-3)


def test_core_ml_gives_what_tflite_gives(windows: np.ndarray, of_core_ml: list[dict[str, np.ndarray]]) -> None:
    runner = litert.Interpreter(str(FOLDER / "nmp.tflite")).get_signature_runner()
    for window, found in zip(windows, of_core_ml, strict=True):
        expected = runner(input_2=window[None])
        for name in NAMES:
            np.testing.assert_allclose(found[name], expected[name], atol=2e-3)


def test_the_voice_is_heard(of_core_ml: list[dict[str, np.ndarray]]) -> None:
    """Without this, three silent networks would agree."""
    assert all(found["note"].max() > 0.5 for found in of_core_ml)
