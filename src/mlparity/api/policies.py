"""`load_policy`: a policy by its name, or from a TOML file."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.record.policy import Policy
from mlparity.verification.policies import policy_of


@typed_errors
def load_policy(name_or_path: str | Path) -> Policy:
    """Return a built-in policy by name ("consistency" or "task"), or read one from a TOML file.

    Raises:
        PolicyError: no such name or file, an unknown key, metric or setting, or a limit that nothing can meet or break.
    """
    return policy_of(name_or_path)
