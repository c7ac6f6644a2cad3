"""A placement that Core ML itself chose, saved on a Mac by `examples/save_compute_plan.py`: a versioned JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.engine.mil.program import Function
from mlparity.engine.numerics import CHIPS, Processor

FORMAT, VERSION = "mlparity.compute_plan", 1


@dataclass(frozen=True, slots=True)
class ComputePlan:
    """Which processor ran which op, by the op's first output, for one setting (`compute_units`) on one chip."""

    compute_units: str
    chip: str
    processors: Mapping[str, Processor]

    def check(self, function: Function) -> None:
        """Raise where the plan is of another program: it names an output that `function` has not.

        Raises:
            FormatError: as said.
        """
        known = {output.name for op in function.walk() for output in op.outputs}
        strange = sorted(set(self.processors) - known)
        if strange:
            raise FormatError(
                "the compute plan is of another program",
                found=f"no op gives {strange[0]!r} ({len(strange)} of {len(self.processors)} names are unknown)",
                next_step="save the plan of this very artifact on the Mac",
            )


def read_compute_plan(path: Path) -> ComputePlan:
    """Return the plan in a file.

    Raises:
        FormatError: no such file, not of this form or of a newer version, an unknown chip or processor.
    """
    try:
        data = json.loads(read_regular(path, limit=MEDIUM))
        if (data["format"], data["version"]) != (FORMAT, VERSION):
            raise ValueError(f"format {data['format']!r}, version {data['version']!r}")
        if data["chip"] not in CHIPS:
            raise ValueError(f"chip {data['chip']!r}, known are {', '.join(CHIPS)}")
        processors = {str(op["output"]): Processor(op["processor"]) for op in data["ops"]}
        return ComputePlan(str(data["compute_units"]), data["chip"], processors)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            "this is not a compute plan",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            expected=f'{{"format": "{FORMAT}", "version": {VERSION}, "compute_units", "chip", "ops": [...]}}',
            next_step="save it on a Mac with examples/save_compute_plan.py",
        ) from error
