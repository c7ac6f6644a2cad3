"""Artifacts of any target, by the ending of their path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.names import checked_name
from mlparity.core.words import Precision
from mlparity.targets.inspection import Inspection
from mlparity.targets.metadata import SIDECAR
from mlparity.targets.table import suffixes, target_of, targets
from mlparity.targets.target import Target

Kind = tuple[str, Precision]
"""What tells the artifacts of a verification apart: the target's name and the precision."""


def checked_target(path: Path) -> Target:
    """Return the target of an artifact.

    Raises:
        FormatError: there is none, or nothing at `path`.
    """
    target = target_of(path)
    if target is None or not path.exists():
        raise FormatError(
            "not an artifact" if path.exists() else "no such artifact",
            where=str(path),
            expected=", ".join(suffixes()),
            next_step="check the path",
        )
    return target


def kind_of(path: Path) -> Kind:
    """Return the target's name and the precision of an artifact.

    Raises:
        FormatError: there is none, or it cannot be read.
    """
    target = checked_target(path)
    checked_name(path.name, "the artifact")
    return target.name, target.precision(path)


def inspected(path: Path) -> Inspection:
    """Return what an artifact shows of itself.

    Raises:
        FormatError: there is none, or it cannot be read.
        BackendUnavailableError: the runtime that reads it is not installed.
    """
    other = next((target for target in targets() if path.suffix in target.also_inspects), None)
    return (checked_target(path) if other is None else other).inspect(path)


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
    return (SIDECAR if target is None else target.metadata).read(path)
