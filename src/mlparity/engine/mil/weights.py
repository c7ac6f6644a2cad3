"""The weight file: memory-mapped, checked at each offset, never copied.

What lies behind a map can still change. A file that has become shorter is found out before each run, for the system
ends a process that reads beyond its end; between that look and the end of the run nothing protects it.

Source of the layout: coremltools 9.0, `mlmodel/src/MILBlob/Blob/StorageFormat.hpp`: a 64-byte header (count,
version 2), and for each blob a 64-byte record (sentinel, type, size, offset of the data) at the offset that the
spec names.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import open_regular
from mlparity.engine.mil.dtypes import ScalarType, unpack

_HEADER = struct.Struct("<II")
_RECORD = struct.Struct("<IIQQ")
_RECORD_BYTES = 64
_VERSION = 2
_SENTINEL = 0xDEADBEEF

BLOB_TYPES = {
    1: "fp16",
    2: "fp32",
    3: "uint8",
    4: "int8",
    5: "bf16",
    6: "int16",
    7: "uint16",
    8: "int4",
    9: "uint1",
    10: "uint2",
    11: "uint4",
    12: "uint3",
    13: "uint6",
    14: "int32",
    15: "uint32",
    16: "fp8e4m3fn",
    17: "fp8e5m2",
}
_ALIASES = {"bool": ("uint8", "int8")}


@dataclass(frozen=True)
class WeightFile:
    """One weight file of a package; it is opened and checked when the first value is asked for."""

    path: Path

    @cached_property
    def _map(self) -> mmap.mmap:
        try:
            with open_regular(self.path, follow=False) as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise FormatError(
                "the weight file cannot be read",
                where=str(self.path),
                found=str(error),
                expected="the weight file that the package was saved with",
                next_step="convert or copy the package again",
            ) from error

    @cached_property
    def _bytes(self) -> np.ndarray:
        mapped = np.frombuffer(self._map, np.uint8)
        self._check_header(mapped)
        return mapped

    def check_whole(self) -> None:
        """Check that the file is still as long as when it was opened.

        Raises:
            FormatError: it is not, so that its values cannot be read any more.
        """
        size = self._map.size()
        if size < len(self._map):
            raise self._fault(f"a file that keeps its {len(self._map)} bytes while it is used", f"{size} bytes")

    def let_go(self) -> None:
        """Let the system take back the memory of what was read; it is read again when it is needed."""
        if "_map" in vars(self) and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _check_header(self, mapped: np.ndarray) -> None:
        if mapped.size < _RECORD_BYTES:
            raise self._fault("a weight file of at least 64 bytes", f"{mapped.size} bytes")
        _, version = _HEADER.unpack(mapped[: _HEADER.size].tobytes())
        if version != _VERSION:
            raise self._fault(f"weight file version {_VERSION}", f"version {version}")

    def read(self, offset: int, scalar: ScalarType, count: int) -> np.ndarray:
        """Return `count` values at `offset` as a read-only view (sub-byte types are unpacked to a copy).

        Raises:
            FormatError: the offset, the record, the type or the size is not what the spec says.
        """
        self.check_whole()
        start, size, kind = self._record(offset)
        if kind != scalar.name and kind not in _ALIASES.get(scalar.name, ()):
            raise self._fault(f"a blob of {scalar.name} at offset {offset}", str(kind))
        needed = (count * scalar.bits + 7) // 8
        if size < needed:
            raise self._fault(f"{needed} bytes for {count} values of {scalar.name} at offset {offset}", f"{size} bytes")
        raw = self._bytes[start : start + needed]
        return unpack(raw, scalar, count) if scalar.is_packed else raw.view(scalar.holder)

    def _record(self, offset: int) -> tuple[int, int, str | None]:
        total = self._bytes.size
        if not 0 <= offset <= total - _RECORD_BYTES:
            raise self._fault(f"an offset within the file's {total} bytes", f"offset {offset}")
        sentinel, kind, size, start = _RECORD.unpack(self._bytes[offset : offset + _RECORD.size].tobytes())
        if sentinel != _SENTINEL:
            raise self._fault(f"a blob record at offset {offset}", "other bytes")
        if start + size > total or start % _RECORD_BYTES:
            raise self._fault(f"data within the file's {total} bytes", f"{size} bytes at {start}")
        return start, size, BLOB_TYPES.get(kind)

    def _fault(self, expected: str, found: str) -> FormatError:
        return FormatError(
            "the weight file is not what the model's spec says",
            where=str(self.path),
            found=found,
            expected=expected,
            next_step="the file is truncated, corrupt or another model's: convert or copy the package again",
        )
