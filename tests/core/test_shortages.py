"""A shortage of memory that work goes on without is noted, whatever error it has become."""

from __future__ import annotations

import pytest

from mlparity.core.errors import ExecutionError
from mlparity.core.shortages import note_shortage, noting_shortages

SHORT, OTHER = RuntimeError("DefaultCPUAllocator: can't allocate memory"), RuntimeError("shapes do not fit")


def within_another(cause: Exception) -> Exception:
    error = ExecutionError("the source failed")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "count"),
    [(SHORT, 1), (MemoryError(), 1), (within_another(SHORT), 1), (OTHER, 0), (within_another(OTHER), 0)],
)
def test_a_shortage_is_noted_and_nothing_else(error: Exception, count: int) -> None:
    with noting_shortages() as noted:
        note_shortage(error)
    assert len(noted) == count


def test_nobody_need_listen() -> None:
    note_shortage(SHORT)
