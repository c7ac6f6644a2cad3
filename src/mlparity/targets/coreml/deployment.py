"""The deployment targets that coremltools converts ML Programs for."""

from __future__ import annotations

from mlparity.targets.coreml.options import PROGRAM
from mlparity.targets.coreml.quiet_coremltools import quiet


def deployment_targets() -> tuple[str, ...]:
    """Return their names, such as "iOS18" and "macOS15"."""
    with quiet() as coremltools:
        known = coremltools.target.__members__.items()
        return tuple(str(name) for name, target in known if int(target) in PROGRAM.specifications)
