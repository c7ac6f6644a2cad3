"""What a verification is asked for, as the entry points take it."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.record.policy import Policy
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
from mlparity.verification.policies import policy_of

__all__ = [
    "Members",
    "RuntimeOptions",
    "VerifyOptions",
    "chips_from",
    "class_names_from",
    "compute_plan_from",
    "load_policy",
    "members_from",
    "pairs_from",
    "settings_from",
]


@typed_errors
def load_policy(name_or_path: str | Path) -> Policy:
    """Return a built-in policy by name ("consistency" or "task"), or read one from a TOML file.

    Raises:
        PolicyError: no such name or file, an unknown key, metric or setting, or a limit that nothing can meet or break.
    """
    return policy_of(name_or_path)
