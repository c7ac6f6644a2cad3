"""The functions that the command line calls; `__init__.py` imports each from here when it is first asked for."""

from .compare import compare_files, compare_outputs
from .execute import execute_script
from .inspect import Inspection, inspect_artifact, inspect_placement, op_inventory
from .location import locate
from .records import check_artifact, read_any_record, verdict_of
from .run import run_artifact
from .tuning import tune
from .verification import verify

__all__ = [
    "Inspection",
    "check_artifact",
    "compare_files",
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
