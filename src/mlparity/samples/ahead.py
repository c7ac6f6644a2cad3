"""Samples read in a thread while models run on those before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Full, Queue

from mlparity.core.session import Sample

_HELD = 2
"""How many samples wait to be used (assumed: one while the next one is read)."""

_LOOK_S = 0.2

Named = tuple[str, Sample]


class _End:
    """What comes after the last sample: nothing, or the error that ended the reading."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def read_ahead(samples: Iterator[Named]) -> Iterator[Named]:
    """Yield the samples in their order; an error in reading one is raised in its place.

    For files alone: a function of the user's may share random numbers with the model that runs meanwhile.
    """
    held: Queue[Named | _End] = Queue(_HELD)
    stopped = threading.Event()
    reader = threading.Thread(target=_read, args=(samples, held, stopped), daemon=True)
    reader.start()
    try:
        while not isinstance(found := held.get(), _End):
            yield found
        if found.error is not None:
            raise found.error
    finally:
        stopped.set()
        with suppress(Empty):
            held.get_nowait()  # lets the reader see that it is stopped
        reader.join()


def _read(samples: Iterator[Named], held: Queue[Named | _End], stopped: threading.Event) -> None:
    end = _End()
    try:
        for found in samples:
            if not _put(found, held, stopped):
                return
    except BaseException as error:  # raised where the samples are used
        end = _End(error)
    _put(end, held, stopped)


def _put(found: Named | _End, held: Queue[Named | _End], stopped: threading.Event) -> bool:
    while not stopped.is_set():
        with suppress(Full):
            held.put(found, timeout=_LOOK_S)
            return True
    return False
