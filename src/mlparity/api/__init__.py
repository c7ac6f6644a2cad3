"""The public functions; each composes stages and owns no arithmetic.

A function's stages are imported when it is first asked for: showing a record needs neither torch nor coremltools.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlparity.api.compare import compare_saved
    from mlparity.api.execute import execute_script
    from mlparity.api.inspect import Inspection, inspect_artifact, op_inventory
    from mlparity.api.records import read_any_record
    from mlparity.api.run import run_artifact
    from mlparity.api.verification import verify

__all__ = [
    "Inspection",
    "compare_saved",
    "execute_script",
    "inspect_artifact",
    "op_inventory",
    "read_any_record",
    "run_artifact",
    "verify",
]

_HOMES = {
    "Inspection": "inspect",
    "compare_saved": "compare",
    "execute_script": "execute",
    "inspect_artifact": "inspect",
    "op_inventory": "inspect",
    "read_any_record": "records",
    "run_artifact": "run",
    "verify": "verification",
}


def __getattr__(name: str) -> object:
    """Return a public name from its home (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mlparity.api' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mlparity.api.{_HOMES[name]}"), name)
