"""Speech and music, and the spectra that the audio models were trained on, with numpy alone."""

from __future__ import annotations

import wave

import numpy as np

from tests.models.files import SPEECH, existing

SPEECH_RATE, MUSIC_RATE = 16_000, 22_050


def speech() -> np.ndarray:
    """Return 60 s of real speech at 16 kHz, in -1..1."""
    with wave.open(str(existing(SPEECH))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.astype(np.float32) / 32_768


def music(seconds: int = 10, beats_per_minute: int = 120) -> np.ndarray:
    """Return a synthetic loop at 22,050 Hz: kick on each beat, snare on two and four, hats, a bass and a chord."""
    rng = np.random.default_rng(0)
    beat = MUSIC_RATE * 60 // beats_per_minute
    times = np.arange(beat) / MUSIC_RATE
    kick = np.sin(2 * np.pi * (50 * times + 4 * (1 - np.exp(-times * 30)))) * np.exp(-times * 12)
    snare = rng.standard_normal(beat) * np.exp(-times * 25) * 0.4
    hat = rng.standard_normal(beat) * np.exp(-(times % 0.25) * 90) * 0.1
    chord = sum(np.sin(2 * np.pi * f * times) for f in (220.0, 277.2, 329.6)) * 0.05 * np.exp(-times * 3)
    bars = []
    for index in range(seconds * beats_per_minute // 60):
        bass = np.sin(2 * np.pi * (55.0 if index % 4 else 82.4) * times) * 0.2
        bars.append(
            kick + hat + chord + bass + (snare if index % 2 else 0.0) + (0.3 * chord if index % 4 == 0 else 0.0)
        )
    track = np.concatenate(bars)
    return (track / np.abs(track).max() * 0.8).astype(np.float32)


def framed(signal: np.ndarray, length: int, hop: int, centred: bool) -> np.ndarray:
    """Return overlapping frames (frame, sample); `centred` pads half a frame of zeros at both ends."""
    padded = np.pad(signal, length // 2) if centred else signal
    return np.lib.stride_tricks.sliding_window_view(padded, length)[::hop]


def magnitudes(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the magnitude spectra of windowed frames."""
    return np.abs(np.fft.rfft(frames * window, axis=1))


def mel_spectrum(signal: np.ndarray) -> np.ndarray:
    """Return the power in 40 mel bands each 10 ms, as Resemblyzer's encoder was trained on.

    Source: Resemblyzer `hparams.py`; the scale and its area normalisation are those of Slaney's Auditory Toolbox.
    """
    power = magnitudes(framed(signal, 400, 160, centred=True), np.hanning(401)[:-1]) ** 2
    return (power @ mel_bands(40, 400, SPEECH_RATE).T).astype(np.float32)


def mel_bands(count: int, length: int, rate: int) -> np.ndarray:
    """Return triangles (band, bin) that are evenly spaced on Slaney's mel scale up to half the rate."""
    per_mel, corner, log_step = 200 / 3, 1000.0, np.log(6.4) / 27
    top = corner / per_mel + np.log(rate / 2 / corner) / log_step
    mels = np.linspace(0, top, count + 2)
    above = corner * np.exp(log_step * (mels - corner / per_mel))
    edges = np.where(mels < corner / per_mel, mels * per_mel, above)
    bins = np.fft.rfftfreq(length, 1 / rate)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]


def beat_features(signal: np.ndarray) -> np.ndarray:
    """Return 272 features each 20 ms: 136 log-spaced bands in log10, and how much each has risen.

    Source: BeatNet `log_spect.py` (frames of 64 ms, 24 bands an octave, 30 Hz to 17 kHz).
    """
    length, hop = 1411, 441
    spectrum = magnitudes(framed(signal, length, hop, centred=True), np.hanning(length))[:, : length // 2]
    bands = np.log10(spectrum @ log_bands(length // 2, MUSIC_RATE).T + 1)
    risen = np.maximum(0, np.diff(bands, axis=0, prepend=bands[:1]))
    return np.hstack([bands, risen]).astype(np.float32)


def log_bands(bins: int, rate: int) -> np.ndarray:
    """Return triangles (band, bin) of area 1 whose centres are the distinct bins nearest to 24 steps an octave."""
    steps = np.arange(np.floor(24 * np.log2(30 / 440)), np.ceil(24 * np.log2(17_000 / 440)))
    wanted = 440 * 2 ** (steps / 24)
    centres = np.unique(np.clip(np.round(wanted[(wanted >= 30) & (wanted <= 17_000)] / (rate / 2 / bins)), 0, bins - 1))
    edges = centres.astype(int)
    bands = np.zeros((len(edges) - 2, bins))
    for row, (start, centre, stop) in zip(bands, zip(edges, edges[1:], edges[2:], strict=False), strict=True):
        low, high = (centre, centre + 1) if stop - start < 2 else (start, stop)
        row[low:centre] = np.linspace(0, 1, centre - low, endpoint=False)
        row[centre:high] = np.linspace(1, 0, high - centre, endpoint=False)
        row /= row.sum()
    return bands
