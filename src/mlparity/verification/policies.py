"""The policy of a verification, which may require any setting of the targets' table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlparity.compare import policy_file
from mlparity.core.words import Setting
from mlparity.record.policy import Policy
from mlparity.targets.table import all_settings


def policy_of(policy: str | Path | Policy, settings: Sequence[Setting] = ()) -> Policy:
    """Return a policy that is given as an object, by its name or as a TOML file; it may also require these settings.

    Raises:
        PolicyError: no such name or file, or something in it that does not exist or cannot be.
    """
    return policy_file.policy_of(policy, tuple(dict.fromkeys(map(str, (*all_settings(), *settings)))))
