"""Conversions that were made before: one that is asked for again is taken from the user's cache.

What was made for another graph, other weights, options or versions has another key; an artifact that is not as it was
kept is made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.linking import link
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.targets.artifacts import artifact_sha256
from mlparity.targets.target import Conversion, Request
from mlparity.verification.cache import MOST_BYTES, cache_folder, digest_of, entry_at, keep_entry, source_key

_ARTIFACT = "artifact"

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
            _keep(entry, request.path, done, self.most_bytes)
        return done


def open_cache(source: Source, sample: Sample) -> ConversionCache | None:
    """Return the cache for conversions of a source by its ops on `sample`; None where there is none."""
    folder = cache_folder()
    base = None if folder is None else source_key(source, sample)
    return None if folder is None or base is None else ConversionCache(folder, base)


def _key(base: str, target: str, request: Request) -> str:
    inputs = [{name: (str(array.dtype), array.shape) for name, array in sample.items()} for sample in request.samples]
    asked = (request.precision, request.deployment_target, request.fp32_ops, request.frontend, request.path.suffix)
    lengths = (request.enumerates, request.source.lengths, request.source.shapes)
    return digest_of(base, target, asked, inputs, lengths)


def _taken(entry: Path, path: Path) -> Conversion | None:
    """Put a whole entry's artifact at `path`; None where there is none."""
    try:
        kept = entry_at(entry)
        link(entry / kept["file"], path)
        if artifact_sha256(path) != kept["sha256"]:
            raise ValueError("the artifact has changed")
        return Conversion(kept["frontend"], tuple(kept["attempts"]), dict(kept["options"]), float(kept["seconds"]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, MlparityError):
        _delete(path)
        return None


def _keep(entry: Path, path: Path, done: Conversion, most_bytes: int) -> None:
    file = f"{_ARTIFACT}{path.suffix}"
    kept = {
        "file": file,
        "sha256": artifact_sha256(path),
        "frontend": str(done.frontend),
        "attempts": list(done.attempts),
        "options": dict(done.options),
        "seconds": done.seconds,
    }
    keep_entry(entry, kept, lambda folder: link(path, folder / file), most_bytes)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
