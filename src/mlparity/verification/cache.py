"""The user's folder for what was made before: an entry is a folder named by its key, which appears in one step.

What depends on another source, or on other code, options or versions, has another key. An entry that cannot be read is
made again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import file_digest, sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from mlparity.core.errors import MlparityError
from mlparity.core.regular_files import SMALL, open_regular, read_regular
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.record.text import plain
from mlparity.samples.digest import sample_sha256
from mlparity.sessions.torch_graph import graph_sha256
from mlparity.sources.user_code import code_sha256, own_sha256

VARIABLE = "MLPARITY_CACHE"
"""The environment variable that names the folder; empty, nothing is kept."""

MOST_BYTES = 8 * 2**30
"""What all entries may take; the ones that were not used for longest go first (assumed)."""

_ENTRY, _NEW = "entry.json", ".new-"
_LEFT_S = 86_400


def cache_folder() -> Path | None:
    """Return the folder, None where nothing is kept."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named).absolute() if named else None
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mlparity" / "conversions"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlparity" / "conversions"


def source_key(source: Source, sample: Sample) -> str | None:
    """Return the digest of what everything made of a source depends on; None where its ops cannot be followed."""
    try:
        return _base(source, sample)
    except (MlparityError, OSError, RuntimeError, TypeError, ValueError, NotImplementedError):
        return None


def _base(source: Source, sample: Sample) -> str:
    """Return the digest of what every conversion of a source depends on."""
    graphs = [graph_sha256(source, sample), *_of_images(source)]
    states = [(state.buffer, state.input, state.output, sample_sha256({"": state.initial})) for state in source.states]
    told = (source.name, source.kind, source.input_names, source.output_names, source.lengths, source.shapes, states)
    return digest_of(graphs, source.sha256, _file_of(source), told, code_sha256(), own_sha256(), _versions())


def _of_images(source: Source) -> Iterator[object]:
    if source.imaged is not None:
        yield source.imaged.inputs
        yield source.imaged.source.sha256


def _file_of(source: Source) -> str:
    """Return the digest of a saved program: its file tells what a run does not show."""
    if source.kind not in ("pt2", "torchscript"):
        return ""
    with open_regular(Path(source.location)) as file:
        return file_digest(file, "sha256").hexdigest()


@cache
def _versions() -> tuple[str, ...]:
    installed = {f"{each.name} {each.version}" for each in metadata.distributions()}
    return (platform.python_version(), sys.platform, platform.machine(), *sorted(installed))


def digest_of(*parts: object) -> str:
    """Return the digest of frozen data."""
    return sha256(json.dumps(plain(list(parts)), sort_keys=True, default=repr).encode()).hexdigest()


def entry_at(entry: Path) -> dict[str, Any]:
    """Return what an entry says, which counts as a use of it.

    Raises:
        OSError: there is none.
        ValueError: it is not whole.
        MlparityError: it is no plain file, or too large to be one of ours.
    """
    kept: dict[str, Any] = json.loads(read_regular(entry / _ENTRY, limit=SMALL))
    os.utime(entry / _ENTRY)
    return kept


def _nothing(folder: Path) -> None:
    del folder


def keep_entry(
    entry: Path, kept: Mapping[str, Any], fill: Callable[[Path], None] = _nothing, most_bytes: int = MOST_BYTES
) -> None:
    """Write an entry in one step, with the files that `fill` puts into it, and bound the size of all.

    Raises:
        OSError: the disk is full, or the folder is not ours.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=_NEW, dir=entry.parent))
    try:
        fill(beside)
        (beside / _ENTRY).write_text(json.dumps(kept))
        if entry.exists():  # another run's, or one that was not whole
            shutil.rmtree(entry, ignore_errors=True)
        beside.rename(entry)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    _bound(entry.parent, most_bytes)


def _bound(folder: Path, most_bytes: int) -> None:
    """Remove the entries that were not used for longest, until the others fit."""
    for left in folder.glob(f"{_NEW}*"):  # by a run that was killed
        if time.time() - left.stat().st_mtime > _LEFT_S:
            shutil.rmtree(left, ignore_errors=True)
    entries = sorted(folder.glob(f"*/{_ENTRY}"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in entries:
        total += sum(each.stat().st_size for each in file.parent.rglob("*") if each.is_file())
        if total > most_bytes:
            shutil.rmtree(file.parent, ignore_errors=True)
