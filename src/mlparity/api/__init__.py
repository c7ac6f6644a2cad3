"""The public functions; each composes stages and owns no arithmetic.

A function's stages are imported when it is first asked for: showing a record needs neither torch nor coremltools.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlparity.api.compare import compare_outputs
    from mlparity.api.execute import execute_script
    from mlparity.api.inspect import Inspection, inspect_artifact, inspect_placement, op_inventory
    from mlparity.api.location import locate
    from mlparity.api.records import read_any_record
    from mlparity.api.run import run_artifact
    from mlparity.api.tuning import tune
    from mlparity.api.verification import verify
    from mlparity.record.check import check_artifact, verdict_of

__all__ = [
    "Inspection",
    "check_artifact",
    "compare_outputs",
    "execute_script",
    "inspect_artifact",
    "inspect_placement",
    "locate",
    "op_inventory",
    "read_any_record",
    "run_artifact",
    "tune",
    "verdict_of",
    "verify",
]

_HOMES = {
    "Inspection": "api.inspect",
    "check_artifact": "record.check",
    "compare_outputs": "api.compare",
    "execute_script": "api.execute",
    "inspect_artifact": "api.inspect",
    "inspect_placement": "api.inspect",
    "locate": "api.location",
    "op_inventory": "api.inspect",
    "read_any_record": "api.records",
    "run_artifact": "api.run",
    "tune": "api.tuning",
    "verdict_of": "record.check",
    "verify": "api.verification",
}


def __getattr__(name: str) -> object:
    """Return a public name from its home (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mlparity.api' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mlparity.{_HOMES[name]}"), name)
