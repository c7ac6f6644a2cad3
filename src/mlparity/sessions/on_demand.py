"""A session that can be closed between two runs, and opens again by itself: its memory is then free for others."""

from __future__ import annotations

from collections.abc import Callable

from mlparity.core.session import Closing, Outputs, Sample, Session, Signature
from mlparity.sessions.cached import CachedSession
from mlparity.sessions.carrying import CarryingSession


class OnDemandSession(Closing):
    """A session that `open_session` opens, again after each rest; it has to be the same session each time.

    `signature` and `runtime` are those of the session, which then opens with its first run; without them it opens now.
    """

    def __init__(
        self, open_session: Callable[[], Session], signature: Signature | None = None, runtime: str = ""
    ) -> None:
        """Open the session where what it is is not known.

        Raises:
            MlparityError: as `open_session`.
        """
        self._open = open_session
        self._inner: Session | None = None
        self.signature = self.inner.signature if signature is None else signature
        self.runtime = self.inner.runtime if signature is None else runtime

    @property
    def inner(self) -> Session:
        """The session itself, opened if it rests.

        Raises:
            MlparityError: as `open_session`.
        """
        if self._inner is None:
            self._inner = self._open()
        return self._inner

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample.

        Raises:
            MlparityError: the session does not open, or its run fails.
        """
        return self.inner.run(sample)

    def rest(self) -> None:
        """Close the session until the next run."""
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.close()

    def close(self) -> None:
        """Close the session; a later run opens it again."""
        self.rest()


def rest(session: Session | None) -> None:
    """Let a session that can open again rest, also one inside another; any other stays open.

    A state that is carried stays.
    """
    while isinstance(session, CarryingSession | CachedSession):
        session = session.inner
    if isinstance(session, OnDemandSession):
        session.rest()
