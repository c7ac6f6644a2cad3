"""`load_policy`: a policy by its name, or from a TOML file."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.record.policy import Policy
from mlparity.verification.policies import policy_of


@typed_errors
def load_policy(name_or_path: str | Path) -> Policy:
    """Return the policy of that name ("consistency", "task"), or read it from a TOML file.

    Raises:
        PolicyError: no such name or file, a key, metric, setting or value that does not exist, or a limit that no value
            can meet or break.
    """
    return policy_of(name_or_path)
