"""Artifacts of any target, by the ending of their path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mlparity.core.names import checked_name
from mlparity.core.words import Precision
from mlparity.targets.inspection import Inspection
from mlparity.targets.metadata import SIDECAR
from mlparity.targets.one_model import one_model
from mlparity.targets.table import checked_target, target_of

Kind = tuple[str, Precision]
"""What tells the artifacts of a verification apart: the target's name and the precision."""


def kind_of(path: Path, function: str = "") -> Kind:
    """Return the target's name and the precision of an artifact, or of a function of it.

    Raises:
        FormatError: there is none, or it cannot be read.
    """
    with one_model(path, function) as model:
        target = checked_target(model.path)
        checked_name(path.name, "the artifact")
        return target.name, target.precision(model.path)


def inspected(path: Path, function: str = "") -> Inspection:
    """Return what an artifact shows of itself; of several functions the default one, and the names of all.

    Raises:
        FormatError: there is none, or it cannot be read, or it has no such function.
        BackendUnavailableError: the runtime that reads it is not installed.
    """
    with one_model(path, function) as model:
        shown = path if not function and path.suffix in checked_target(path).suffixes else model.path
        return replace(checked_target(shown).inspect(shown), path=path)


def artifact_sha256(path: Path) -> str:
    """Return the hash by which a record names an artifact; writing our metadata does not change it.

    A file's is its plain SHA-256. A folder's covers the relative path and the SHA-256 of every file in order of
    path; the file with the metadata counts without its `com.mlparity.` texts.

    Raises:
        FormatError: a file cannot be read.
    """
    target = target_of(path)
    return (SIDECAR if target is None else target.metadata).sha256(path)


def write_metadata(path: Path, metadata: Mapping[str, str]) -> Path:
    """Store the texts in an artifact, or beside it where its format holds no texts; return the file that was written.

    Texts under `com.mlparity.` that were there before are replaced; all others are kept.

    Raises:
        FormatError: the artifact cannot be read.
        OutputError: the file cannot be written; the artifact is left as it was.
    """
    return checked_target(path).metadata.write(path, metadata)


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts under `com.mlparity.` that an artifact carries; empty where it was never verified.

    Raises:
        FormatError: the artifact, or the file beside it, cannot be read.
    """
    target = target_of(path)
    if target is not None and path.is_file() and path.suffix in target.containers:
        return {}  # texts are in what is taken out
    return (SIDECAR if target is None else target.metadata).read(path)
