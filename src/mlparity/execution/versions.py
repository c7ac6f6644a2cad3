"""Workers count with the same versions as the process that sums, or not at all."""

from __future__ import annotations

from collections.abc import Mapping

from mlparity import __version__
from mlparity.core.errors import ExecutionError


def check_versions(here: Mapping[str, str], there: Mapping[str, str]) -> None:
    """Check what a worker told of itself against the versions of this process, by package.

    Raises:
        ExecutionError: it lacks a package, or has another version of one.
    """
    host = f"the worker on {there['host']}"
    expected = {"mlparity": __version__, **here}
    absent = [name for name in expected if not there[name]]
    if absent:
        raise ExecutionError(
            "a worker lacks a package that this work needs",
            where=host,
            found=", ".join(f"no {name}" for name in absent),
            expected=", ".join(f"{name} {expected[name]}" for name in absent),
            next_step="install mlparity there with the same extras as here, for example mlparity[ray,litert]",
        )
    other = [name for name in expected if there[name] != expected[name]]
    if other:
        raise ExecutionError(
            "a worker has other versions",
            where=host,
            found=", ".join(f"{name} {there[name]}" for name in other),
            expected=", ".join(f"{name} {expected[name]}" for name in other),
            next_step="install the same versions on every machine: figures of two versions cannot be added up",
        )
