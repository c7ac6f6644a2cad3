"""The error of a verification for which no artifact could be made: why not, for each target."""

from __future__ import annotations

from collections.abc import Mapping

from mlparity.core.errors import ConversionError, MlparityError
from mlparity.core.source import Source
from mlparity.verification.stored import Stored


def no_artifact(source: Source, errors: Mapping[Stored, MlparityError]) -> MlparityError:
    """Return the error that was raised, or one that tells each target's where they are several."""
    told: dict[str, list[str]] = {}
    for stored, error in errors.items():
        told.setdefault(str(error), []).append(str(stored))
    if len(told) == 1:
        return next(iter(errors.values()))
    return ConversionError(
        "the source cannot be converted to any target",
        where=source.location,
        found="".join(f"\n{', '.join(kinds)}: {text}".replace("\n", "\n    ") for text, kinds in told.items()),
        next_step="follow the advice for the target that you need; verify takes its name as a setting",
    )
