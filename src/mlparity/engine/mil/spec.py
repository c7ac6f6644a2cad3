"""The protobuf classes that coremltools carries, imported late and alone, and the parsing of a spec file."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import LARGE, read_regular

MAX_SPEC_VERSION = 10
"""The newest specification that this reader knows: 10 is iOS26 (coremltools 9.0, `coremltools/__init__.py`)."""


_PROTO = "coremltools.proto"
_ALONE = "_mlparity_coremltools_proto"


def proto(name: str) -> Any:
    """Return coremltools' generated module `name` ("Model", "MIL").

    Where coremltools is not imported yet, its folder of generated modules is imported alone, as a package of another
    name: the rest, which imports converters and quantisers, takes seconds that a reader need not wait. Should it be
    imported later, its message classes are these, for protobuf keeps one class a message type.
    """
    package = _PROTO if _PROTO in sys.modules else _ALONE
    if package not in sys.modules:
        _import_alone()
    return importlib.import_module(f"{package}.{name}_pb2")


def _import_alone() -> None:
    found = find_spec("coremltools")
    folder = Path(found.origin).with_name("proto") if found is not None and found.origin is not None else Path("proto")
    spec = spec_from_file_location(_ALONE, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(f"coremltools has no folder {folder}")
    module = sys.modules[_ALONE] = module_from_spec(spec)
    spec.loader.exec_module(module)


def parse_spec(path: Path) -> Any:
    """Return the `Model` message in the file at `path`.

    Raises:
        FormatError: the file cannot be read or parsed, or is of a newer version than this reader knows.
    """
    message = proto("Model").Model()
    try:
        message.ParseFromString(read_regular(path, limit=LARGE))
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
