"""Whether memory ran out in work that goes on without what failed: what comes of it is not the whole answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from mlparity.core.boundary import is_shortage

_NOTED: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_shortages() -> Iterator[list[str]]:
    """Yield the list into which the shortages of the block are noted."""
    noted = list[str]()
    token = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(token)


def note_shortage(error: BaseException) -> None:
    """Note an error that the work goes on without, if it or what it came from says that memory ran out."""
    noted, each = _NOTED.get(), error
    while noted is not None:
        if is_shortage(each):
            noted.append(str(each))
        before = each.__cause__ or each.__context__
        if before is None:
            return
        each = before
