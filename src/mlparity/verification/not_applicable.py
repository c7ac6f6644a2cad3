"""Settings that do not exist on this machine, and why; they have no figures of their own."""

from __future__ import annotations

from mlparity.core.words import Setting
from mlparity.targets.table import target_named, target_of
from mlparity.verification.options import VerifyOptions


def not_applicable(options: VerifyOptions) -> dict[Setting, str]:
    """Return those of the settings that do not exist here, each with the reason.

    A runtime that is not installed is a reason where no setting was asked for by name.
    """
    given = {target_of(path) for path in options.artifacts}
    found = {}
    for setting in options.settings:
        target = target_named(setting.target)
        reason = target.not_applicable(setting, not options.is_default or target in given)
        if reason:
            found[setting] = reason
    return found
