"""`machine`: what is installed here, and what can be done with it."""

from __future__ import annotations

from mlparity.core.boundary import typed_errors
from mlparity.record.machine import Machine
from mlparity.verification import machine as own

__all__ = ["machine"]


@typed_errors
def machine() -> Machine:
    """Return what is installed on this machine, and how each setting gets its numbers here."""
    return own.machine()
