"""Our texts in an `.mlpackage` or an `.mlmodel`: user-defined metadata of the spec, which Core ML and Xcode show."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import find_package
from mlparity.core.quiet import quiet_logs
from mlparity.core.regular_files import LARGE, read_regular
from mlparity.core.writing import write_whole
from mlparity.record.metadata import PREFIX
from mlparity.targets.metadata import Metadata, sha256_of_file, sha256_of_folder

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import Model


NETWORK_SUFFIX = ".mlmodel"
"""The ending of a model that is one file: the spec alone."""


def _write(package: Path, metadata: Mapping[str, str]) -> Path:
    """Replace the package's `com.mlparity.` metadata; return the spec file, the only one that is rewritten.

    Raises:
        FormatError: the package cannot be read.
        OutputError: the spec cannot be written; the package is left as it was.
    """
    path = find_package(package).spec
    spec = _without_ours(_read_spec(path))
    spec.description.metadata.userDefined.update(metadata)
    write_whole(path, spec.SerializeToString(deterministic=True))
    return path


def _read(package: Path) -> dict[str, str]:
    """Return the package's `com.mlparity.` metadata.

    Raises:
        FormatError: the package cannot be read.
    """
    stored = _read_spec(find_package(package).spec).description.metadata.userDefined
    return {name: stored[name] for name in sorted(stored) if name.startswith(PREFIX)}


def _sha256(package: Path) -> str:
    """Return a hash of every file's path and SHA-256, of the spec without our texts as protobuf serialises it."""
    if package.is_file():
        return _sha256_of_spec(package) if package.suffix == NETWORK_SUFFIX else sha256_of_file(package)
    try:
        return sha256_of_folder(package, {find_package(package).spec: _sha256_of_spec})
    except OSError as error:
        raise _not_a_package(package, str(error)) from error


PACKAGE = Metadata(_read, _write, _sha256)
"""Texts in the spec of an `.mlpackage`, the only file that is rewritten, or of an `.mlmodel`, which is one."""


def _sha256_of_spec(path: Path) -> str:
    return hashlib.sha256(_without_ours(_read_spec(path)).SerializeToString(deterministic=True)).hexdigest()


def _without_ours(spec: Model) -> Model:
    stored = spec.description.metadata.userDefined
    for name in [name for name in stored if name.startswith(PREFIX)]:
        del stored[name]
    return spec


def _read_spec(path: Path) -> Model:
    with quiet_logs():
        from coremltools.proto.Model_pb2 import Model
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        return Model.FromString(read_regular(path, limit=LARGE))
    except (OSError, DecodeError) as error:
        raise _not_a_package(path, str(error)) from error


def _not_a_package(path: Path, found: str) -> FormatError:
    return FormatError(
        "the Core ML package cannot be read",
        where=str(path),
        found=found,
        expected="an .mlpackage folder as coremltools saves it",
        next_step="check the path, or convert the model again",
    )
