"""What PyTorch would unpickle from a file, and the archives that it keeps its files in."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import PurePosixPath
from typing import BinaryIO

import torch

_COMPRESSED_BYTES = 2**30
"""How much compressed members may hold together, in bytes (assumed): PyTorch compresses TorchScript's texts alone."""


def holds_tensors_alone(file: BinaryIO) -> bool:
    """Return whether `torch.load` reads the file without running code from it: tensors, numbers, texts, containers.

    Raises:
        ValueError: it is an archive that no PyTorch wrote.
    """
    if zipfile.is_zipfile(file):
        check_archive(file)
    file.seek(0)
    try:
        torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # what an unpickler meets in a hostile file ends in any type
        return False
    finally:
        file.seek(0)
    return True


def check_archive(file: BinaryIO) -> tuple[str, ...]:
    """Return the names of a zip archive's members, once it is known to be one that unpacks to about its own size.

    Raises:
        ValueError: two members of one name, a name that leads out of the archive, or one that grows out of bounds.
    """
    size = file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    _check_names([member.filename for member in members])
    stored = sum(member.file_size for member in members if member.compress_type == zipfile.ZIP_STORED)
    packed = sum(member.file_size for member in members if member.compress_type != zipfile.ZIP_STORED)
    if stored > size or packed > _COMPRESSED_BYTES:
        raise ValueError(f"a file of {size:,} bytes whose members claim {stored + packed:,}")
    file.seek(0)
    return tuple(member.filename for member in members)


def _check_names(names: list[str]) -> None:
    # Readers differ in which of two members of one name they take, so that one might be looked at and another loaded.
    twice = [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]
    if twice:
        raise ValueError(f"two members named {twice[0]!r}")
    for name in names:
        if name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts:
            raise ValueError(f"a member named {name!r}")
