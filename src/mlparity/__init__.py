"""Verify that a converted PyTorch model predicts what its source predicts, and keep the proof with the model."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlparity.api.location import locate
    from mlparity.api.parity import assert_parity
    from mlparity.api.tuning import tune
    from mlparity.api.verification import verify
    from mlparity.engine.coremltools_binding import enable_coremltools

__version__ = "0.1.0"

__all__ = ["__version__", "assert_parity", "enable_coremltools", "locate", "tune", "verify"]

_HOMES = {
    "assert_parity": "mlparity.api.parity",
    "enable_coremltools": "mlparity.engine.coremltools_binding",
    "locate": "mlparity.api.location",
    "tune": "mlparity.api.tuning",
    "verify": "mlparity.api.verification",
}
"""Where each public name lives; it is imported when it is first asked for, so that `import mlparity` stays light."""


def __getattr__(name: str) -> object:
    """Return a public name from its home (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mlparity' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
