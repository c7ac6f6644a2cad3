"""The record of a verification, wherever it is: a file, a folder, or the metadata of an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.core.errors import FormatError
from mlparity.core.record import Record
from mlparity.record.check import check_artifact, verdict_of
from mlparity.record.files import read_record
from mlparity.record.metadata import read_metadata

__all__ = ["check_artifact", "read_any_record", "verdict_of"]

_NAME = "record.json"
_ARTIFACTS = (".mlpackage", ".tflite", ".onnx", ".aimodel")


@typed_errors
def read_any_record(path: Path) -> Record | Mapping[str, str]:
    """Return the record in a file or an output folder, or the texts that an artifact carries.

    Raises:
        FormatError: nothing there, or no record in it.
    """
    if path.suffix not in _ARTIFACTS:
        return read_record(path / _NAME if path.is_dir() else path)
    metadata = read_metadata(path) if path.exists() else {}
    if not metadata:
        raise FormatError(
            "the artifact carries no record",
            where=str(path),
            found="no com.mlparity.* metadata" if path.exists() else "no such file",
            next_step="verify it: mlparity verify SOURCE --artifact PATH --inputs ... --out DIR",
        )
    return metadata
