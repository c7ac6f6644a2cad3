"""Conversions that were made before, kept in a folder of the user: one that is asked for again is taken from there.

An entry is a folder named by its key, which appears in one step, with the artifact and `entry.json`. What was made for
another graph, other weights, options or versions has another key; an artifact that is not as it was kept is made again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import file_digest, sha256
from importlib import metadata
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.linking import link
from mlparity.core.regular_files import SMALL, open_regular, read_regular
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.record.text import plain
from mlparity.samples.digest import sample_sha256
from mlparity.sessions.torch_graph import graph_sha256
from mlparity.sources.user_code import code_sha256, own_sha256
from mlparity.targets.artifacts import artifact_sha256
from mlparity.targets.target import Conversion, Request

VARIABLE = "MLPARITY_CACHE"
"""The environment variable that names the folder; empty, nothing is kept."""

MOST_BYTES = 8 * 2**30
"""What all entries may take; the ones that were not used for longest go first (assumed)."""

_ENTRY, _ARTIFACT, _NEW = "entry.json", "artifact", ".new-"
_LEFT_S = 86_400

Convert = Callable[[Request], Conversion]


@dataclass(frozen=True, slots=True)
class ConversionCache:
    """The entries in one folder, for one source, whose part of each key is `base`."""

    folder: Path
    base: str
    most_bytes: int = MOST_BYTES

    def has(self, target: str, request: Request) -> bool:
        """Tell whether there is an entry, which need not be whole."""
        return (self.folder / _key(self.base, target, request)).is_dir()

    def converted(self, target: str, request: Request, convert: Convert) -> Conversion:
        """Put the artifact of an earlier conversion where it is asked for, or convert and keep what comes of it.

        Raises:
            MlparityError: as `convert`.
        """
        entry = self.folder / _key(self.base, target, request)
        known = _taken(entry, request.path)
        if known is not None:
            return known
        done = convert(request)
        with suppress(OSError, MlparityError):  # a full disk, or a folder that is not ours, costs the cache alone
            _keep(entry, request.path, done)
            _bound(self.folder, self.most_bytes)
        return done


def source_key(source: Source, sample: Sample) -> str | None:
    """Return the digest of what everything made of a source depends on; None where its ops cannot be followed."""
    try:
        return _base(source, sample)
    except (MlparityError, OSError, RuntimeError, TypeError, ValueError, NotImplementedError):
        return None


def open_cache(source: Source, sample: Sample) -> ConversionCache | None:
    """Return the cache for conversions of a source by its ops on `sample`; None where there is none."""
    folder = _folder()
    base = None if folder is None else source_key(source, sample)
    return None if folder is None or base is None else ConversionCache(folder, base)


def _folder() -> Path | None:
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named).absolute() if named else None
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mlparity" / "conversions"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlparity" / "conversions"


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


def _key(base: str, target: str, request: Request) -> str:
    inputs = [{name: (str(array.dtype), array.shape) for name, array in sample.items()} for sample in request.samples]
    asked = (request.precision, request.deployment_target, request.fp32_ops, request.frontend, request.path.suffix)
    lengths = (request.enumerates, request.source.lengths, request.source.shapes)
    return digest_of(base, target, asked, inputs, lengths)


def digest_of(*parts: object) -> str:
    """Return the digest of frozen data."""
    return sha256(json.dumps(plain(list(parts)), sort_keys=True, default=repr).encode()).hexdigest()


def _taken(entry: Path, path: Path) -> Conversion | None:
    """Put a whole entry's artifact at `path`; None where there is none."""
    try:
        kept = json.loads(read_regular(entry / _ENTRY, limit=SMALL))
        link(entry / kept["file"], path)
        if artifact_sha256(path) != kept["sha256"]:
            raise ValueError("the artifact has changed")
        os.utime(entry / _ENTRY)
        return Conversion(kept["frontend"], tuple(kept["attempts"]), dict(kept["options"]), float(kept["seconds"]))
    except (OSError, ValueError, LookupError, TypeError, MlparityError):
        _delete(path)
        return None


def _keep(entry: Path, path: Path, done: Conversion) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    file = f"{_ARTIFACT}{path.suffix}"
    kept = {
        "file": file,
        "sha256": artifact_sha256(path),
        "frontend": str(done.frontend),
        "attempts": list(done.attempts),
        "options": dict(done.options),
        "seconds": done.seconds,
    }
    beside = Path(tempfile.mkdtemp(prefix=_NEW, dir=entry.parent))
    try:
        link(path, beside / file)
        (beside / _ENTRY).write_text(json.dumps(kept))
        if entry.exists():  # another run's, or one that was not whole
            shutil.rmtree(entry, ignore_errors=True)
        beside.rename(entry)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


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


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
