"""What a worker process does. It is sent as code, so that it can tell what is installed where mlparity is not.

For the same reason this file imports the standard library alone, and inside functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Worker:
    """One process of a cluster; it keeps the job that it worked on last."""

    def __init__(self) -> None:
        """Start without a job."""
        self._key = ""
        self._work: Callable[[Any], Any] | None = None

    def about(self, packages: tuple[str, ...]) -> dict[str, str]:
        """Return the host's name and the version of each package, "" where it is not installed."""
        import platform
        from importlib import metadata

        found = {"host": platform.node()}
        for name in packages:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                found[name] = ""
        try:
            from mlparity import __version__ as found_here
        except ImportError:
            found_here = ""
        return {**found, "mlparity": found_here}

    def work(self, key: str, opener: str, parcels: list[Any], item: Any) -> Any:
        """Return what the job's function makes of an item; `opener` makes that function of the one parcel.

        The parcel is fetched only with the first item of a job.
        """
        if self._key != key:
            import ray

            from mlparity.execution.opening import opened

            self._key, self._work = "", None
            self._work = opened(opener, ray.get(parcels[0]) if parcels else None)
            self._key = key
        if self._work is None:
            raise RuntimeError("a worker has no job")
        return self._work(item)

    def end(self) -> None:
        """Tidy up before the process ends."""
        close = getattr(self._work, "close", None)
        if close is not None:
            close()
