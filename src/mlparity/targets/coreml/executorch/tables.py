"""A flatbuffer by the numbers of its fields, with every length checked against the file.

The library's own accessors take a file's word for lengths and offsets; this file may be anybody's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from mlparity.core.errors import FormatError

_FIRST_FIELD, _FIELD = 4, 2
_INT, _BYTES = 4, 1


@dataclass(frozen=True, slots=True)
class Node:
    """One table of a flatbuffer; `inner` is the library's."""

    inner: Any

    def number(self, field: int, kind: str) -> int:
        """Return a field of a `kind` that the library names ("Uint32"), 0 where it is not there."""
        from flatbuffers import number_types

        offset = self._offset(field)
        flags = getattr(number_types, f"{kind}Flags")
        return int(self.inner.Get(flags, self.inner.Pos + offset)) if offset else 0

    def text(self, field: int) -> str:
        """Return a field's text, "" where it is not there."""
        return bytes(self.data(field)).decode()

    def data(self, field: int) -> memoryview:
        """Return a field's bytes."""
        start, count = self._vector(field, _BYTES)
        return memoryview(self.inner.Bytes)[start : start + count]

    def numbers(self, field: int) -> tuple[int, ...]:
        """Return a field's 32-bit numbers."""
        start, count = self._vector(field, _INT)
        return struct.unpack_from(f"<{count}i", self.inner.Bytes, start)

    def nodes(self, field: int) -> tuple[Node, ...]:
        """Return a field's tables."""
        start, count = self._vector(field, _INT)
        return tuple(self._at(self.inner.Indirect(start + _INT * index)) for index in range(count))

    def node(self, field: int) -> Node | None:
        """Return a field's table, None where it is not there; a union's is the field behind that of its kind."""
        offset = self._offset(field)
        return self._at(self.inner.Indirect(self.inner.Pos + offset)) if offset else None

    def _offset(self, field: int) -> int:
        return int(self.inner.Offset(_FIRST_FIELD + _FIELD * field))

    def _vector(self, field: int, width: int) -> tuple[int, int]:
        offset = self._offset(field)
        if not offset:
            return 0, 0
        start, count = int(self.inner.Vector(offset)), int(self.inner.VectorLen(offset))
        if start < 0 or start + count * width > len(self.inner.Bytes):
            raise ValueError(f"{count} values at {start}, in {len(self.inner.Bytes)} bytes")
        return start, count

    def _at(self, position: int) -> Node:
        return Node(type(self.inner)(self.inner.Bytes, position))


def root(data: bytes) -> Node:
    """Return the first table of a flatbuffer."""
    from flatbuffers.table import Table

    return Node(Table(data, struct.unpack_from("<I", data)[0]))


WRONG = (struct.error, ValueError, LookupError, TypeError, OverflowError, RecursionError, FormatError)
"""What reading a file raises that is no flatbuffer of the expected form."""
