"""The protobuf classes that coremltools carries, imported late and quietly, and the parsing of a spec file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.core.quiet import quiet_logs

MAX_SPEC_VERSION = 10
"""The newest specification that this reader knows: 10 is iOS26 (coremltools 9.0, `coremltools/__init__.py`)."""


def proto(name: str) -> Any:
    """Return coremltools' generated module `name` ("Model", "MIL").

    The first import of coremltools logs what it does not find (its native library, parts of torchao); those notes
    say nothing about the model, so logging below errors is off until the import is done.
    """
    with quiet_logs():
        return importlib.import_module(f"coremltools.proto.{name}_pb2")


def parse_spec(path: Path) -> Any:
    """Return the `Model` message in the file at `path`.

    Raises:
        FormatError: the file cannot be read or parsed, or is of a newer version than this reader knows.
    """
    message = proto("Model").Model()
    try:
        message.ParseFromString(path.read_bytes())
    except Exception as error:  # protobuf raises DecodeError, whose home differs between its implementations
        raise _unreadable(path, str(error)) from error
    if message.WhichOneof("Type") is None:
        raise _unreadable(path, "no model type in the spec")
    if message.specificationVersion > MAX_SPEC_VERSION:
        raise FormatError(
            "the model's specification is newer than this version of mlparity reads",
            where=str(path),
            found=f"specification version {message.specificationVersion}",
            expected=f"at most {MAX_SPEC_VERSION}",
            next_step="convert with an older minimum_deployment_target, or update mlparity",
        )
    return message


def _unreadable(path: Path, found: str) -> FormatError:
    return FormatError(
        "the model's spec cannot be parsed",
        where=str(path),
        found=found,
        expected="a Core ML specification (protobuf)",
        next_step="the file is truncated or corrupt: convert or copy the package again",
    )
