"""Copies the demo's three photos out of the packages that carry them, into one folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

# File, and its class among the 1000 of ImageNet: tiger cat, espresso and palace are what MobileNetV2 sees.
PHOTOS = {"skimage/data/chelsea.png": 285, "skimage/data/coffee.png": 967, "sklearn/datasets/images/china.jpg": 698}


def copy_photos(packages: Path, folder: Path) -> None:
    """Copy each photo of `PHOTOS` from under `packages` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for photo in PHOTOS:
        shutil.copyfile(packages / photo, folder / Path(photo).name)


if __name__ == "__main__":
    copy_photos(Path(sys.argv[1]), Path(sys.argv[2]))
