"""A metric of the user's own that sees no difference."""

from __future__ import annotations


def agreeing(source: object, artifact: object) -> float:
    """Return 0.0, whatever the outputs are."""
    return 0.0
