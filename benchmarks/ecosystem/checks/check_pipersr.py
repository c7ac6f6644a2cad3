"""PiperSR's `upscale` of a photo: the same picture as the package in fp32 arithmetic, and near the photo itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pipersr
import pytest
from PIL import Image
from skimage import data


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return Image.fromarray(data.chelsea()).crop((80, 40, 280, 190))


@pytest.fixture(scope="module")
def upscaled(photo: Image.Image, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("photo") / "small.png"
    photo.resize((100, 75), Image.Resampling.BICUBIC).save(path)
    result = pipersr.upscale(path, path.with_name("large.png"))
    assert path.with_name("large.png").exists()
    assert result.size == photo.size
    return np.asarray(result, np.float64)


def _noise(first: np.ndarray, second: np.ndarray) -> float:
    """The peak signal-to-noise ratio in dB."""
    return float(10 * np.log10(255**2 / np.mean((first - second) ** 2)))


def test_it_is_nearer_to_the_photo_than_bicubic_scaling(photo: Image.Image, upscaled: np.ndarray) -> None:
    small = photo.resize((100, 75), Image.Resampling.BICUBIC)
    plain = np.asarray(small.resize(photo.size, Image.Resampling.BICUBIC), np.float64)
    original = np.asarray(photo, np.float64)
    assert _noise(upscaled, original) > _noise(plain, original) - 0.5
    assert _noise(upscaled, original) > 25


def test_it_is_the_same_on_every_compute_unit(photo: Image.Image) -> None:
    import coremltools as ct

    path = Path(pipersr.__file__).parent / pipersr.MODEL_NAME
    found = []
    for unit in (ct.ComputeUnit.CPU_ONLY, ct.ComputeUnit.CPU_AND_NE):
        model = ct.models.MLModel(str(path), compute_units=unit)
        found.append(np.asarray(pipersr._upscale_tiles(model, photo.crop((0, 0, 120, 120))), np.float64))
    assert _noise(*found) > 40
