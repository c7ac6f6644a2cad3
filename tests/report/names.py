"""The names that causes give of ops and lines, held against the artifact and the source."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from mlparity.record.causes import Cause

_LINE = re.compile(r"([\w.<>-]+\.py):\d+")


def of_names(causes: Iterable[Cause], program: str, files: Collection[str]) -> Iterator[str]:
    """Yield each op that `inspect --text` does not print, and each line of a file that is none of the source's.

    `program` is what `inspect --text` prints, "" where it prints none.
    """
    for cause in causes:
        yield from (f"{op.name} is not printed" for op in cause.ops if program and not _is_in(op.name, program))
        texts = [*(op.origin for op in cause.ops), *(name for each in cause.evidence for name in each.names.values())]
        for text in texts:
            yield from (f"{text}: a line of another's file" for file in _LINE.findall(text) if file not in files)


def _is_in(name: str, program: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", program))
