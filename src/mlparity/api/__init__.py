"""The public functions; each composes stages and owns no arithmetic."""

from mlparity.api.compare import compare_saved
from mlparity.api.execute import execute_script
from mlparity.api.inspect import Inspection, inspect_artifact, op_inventory
from mlparity.api.records import read_any_record
from mlparity.api.run import run_artifact
from mlparity.api.verify import verify

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
