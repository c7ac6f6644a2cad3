"""What the command line calls; `__init__.py` imports each from here when it is first asked for."""

from .comparison import Making, compare_files, compare_outputs, run_artifact
from .execute import execute_script
from .inspection import Inspection, PlacedOp, inspect_artifact, inspect_placement, machine, op_inventory
from .location import locate
from .options import (
    RuntimeOptions,
    VerifyOptions,
    chips_from,
    class_names_from,
    compute_plan_from,
    load_policy,
    members_from,
    pairs_from,
    settings_from,
)
from .records import Finding, check_artifact, read_any_record, record_changes, verdict_of
from .tuning import tune, tune_compression
from .verification import Conversions, Verified, verify, verify_conversions, verify_suite

__all__ = [
    "Conversions",
    "Finding",
    "Inspection",
    "Making",
    "PlacedOp",
    "RuntimeOptions",
    "Verified",
    "VerifyOptions",
    "check_artifact",
    "chips_from",
    "class_names_from",
    "compare_files",
    "compare_outputs",
    "compute_plan_from",
    "execute_script",
    "inspect_artifact",
    "inspect_placement",
    "load_policy",
    "locate",
    "machine",
    "members_from",
    "op_inventory",
    "pairs_from",
    "read_any_record",
    "record_changes",
    "run_artifact",
    "settings_from",
    "tune",
    "tune_compression",
    "verdict_of",
    "verify",
    "verify_conversions",
    "verify_suite",
]
