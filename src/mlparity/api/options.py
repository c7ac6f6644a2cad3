"""What a verification is asked for, as the entry points take it."""

from mlparity.targets.table import settings_from
from mlparity.targets.target import RuntimeOptions
from mlparity.verification.options import (
    Members,
    VerifyOptions,
    chips_from,
    class_names_from,
    compute_plan_from,
    members_from,
    pairs_from,
)

__all__ = [
    "Members",
    "RuntimeOptions",
    "VerifyOptions",
    "chips_from",
    "class_names_from",
    "compute_plan_from",
    "members_from",
    "pairs_from",
    "settings_from",
]
