"""User-defined metadata of an `.mlpackage`, and a hash of any artifact that does not depend on ours."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlparity.core.errors import FormatError
from mlparity.core.mlpackage import find_package
from mlparity.core.quiet import quiet_logs
from mlparity.core.regular_files import LARGE, check_members, open_regular, read_regular
from mlparity.record import aimodel
from mlparity.record.files import write_whole

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import Model

PREFIX = "com.mlparity."
"""What all our keys begin with, after the precedent of `com.github.apple.coremltools.version`."""


def write_user_defined(package: Path, metadata: Mapping[str, str]) -> Path:
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


def read_user_defined(package: Path) -> dict[str, str]:
    """Return the package's `com.mlparity.` metadata.

    Raises:
        FormatError: the package cannot be read.
    """
    stored = _read_spec(find_package(package).spec).description.metadata.userDefined
    return {name: stored[name] for name in sorted(stored) if name.startswith(PREFIX)}


def artifact_sha256(path: Path) -> str:
    """Return the hash by which a record names an artifact; writing our metadata does not change it.

    A file's is its plain SHA-256. A folder's covers the relative path and the SHA-256 of every file in order of
    path; the file with the metadata counts without its `com.mlparity.` texts: a package's spec as protobuf serialises
    it deterministically, an `.aimodel`'s metadata as JSON with sorted names.

    Raises:
        FormatError: a file cannot be read.
    """
    try:
        if not path.is_dir():
            return _sha256_of_file(path)
        is_aimodel = path.suffix == aimodel.SUFFIX
        about = aimodel.about_path(path) if is_aimodel else find_package(path).spec
        without_ours = _sha256_of_about if is_aimodel else _sha256_of_spec
        whole = hashlib.sha256()
        for file in check_members(path):
            digest = without_ours(file) if file.resolve() == about.resolve() else _sha256_of_file(file)
            whole.update(os.fsencode(file.relative_to(path).as_posix()) + f"\n{digest}\n".encode())
        return whole.hexdigest()
    except OSError as error:
        raise _not_a_package(path, str(error)) from error


def _sha256_of_spec(path: Path) -> str:
    return hashlib.sha256(_without_ours(_read_spec(path)).SerializeToString(deterministic=True)).hexdigest()


def _sha256_of_about(path: Path) -> str:
    return aimodel.sha256_without(path, PREFIX)


def _sha256_of_file(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
