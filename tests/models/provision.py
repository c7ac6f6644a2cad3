"""Fetches the minute of speech that only the source archive of silero-vad carries."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "silero-vad==6.2.3"
MEMBER = "silero_vad-6.2.3/tests/data/test.wav"


def fetch_speech(target: Path) -> None:
    """Download the source archive with pip and put its test.wav at `target`."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "silero-vad"]
        subprocess.run([*pip, "--dest", folder, PACKAGE], check=True)
        (archive,) = Path(folder).glob("silero*.tar.gz")
        with tarfile.open(archive) as members:
            speech = members.extractfile(MEMBER)
            if speech is None:
                raise FileNotFoundError(f"{MEMBER} is no file in {archive.name}")
            beside = target.with_suffix(".partial")
            with speech, beside.open("wb") as out:
                shutil.copyfileobj(speech, out)
        beside.replace(target)


if __name__ == "__main__":
    fetch_speech(Path(sys.argv[1]))
