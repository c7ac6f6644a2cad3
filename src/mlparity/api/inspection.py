"""What an artifact is, what the engine makes of it, which ops it runs, and what this machine can do."""

from __future__ import annotations

from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.record.machine import Machine
from mlparity.targets.artifacts import inspected
from mlparity.targets.inspection import Inspection, PlacedOp
from mlparity.targets.one_model import one_model
from mlparity.verification import machine as own

__all__ = ["Inspection", "PlacedOp", "inspect_artifact", "inspect_placement", "machine", "op_inventory"]


@typed_errors
def inspect_artifact(path: Path, function: str = "") -> Inspection:
    """Read an artifact of any target, and return what it contains; of several functions one, if it is named.

    Raises:
        FormatError: the artifact cannot be read.
        BackendUnavailableError: the package that reads this format is not installed.
    """
    return inspected(path, function)


@typed_errors
def inspect_placement(path: Path, chip: str, function: str = "", *, macos: int = 27) -> tuple[PlacedOp, ...]:
    """Return, for each op of an `.mlpackage`, whether the Neural Engine of `chip` can run it, and whether it does.

    The ops are in the program's order. Whether it does is what rules say that name their source; only a device shows
    it. `macos` is the first number of the system's version; iOS has the same numbers from 26 on.

    Raises:
        FormatError: the package cannot be read.
        InputError: the chip is unknown.
    """
    from mlparity.targets.coreml.inspect import placement_of

    with one_model(path, function) as model:
        return placement_of(model.path, chip, macos)


@typed_errors
def op_inventory() -> tuple[tuple[str, str], ...]:
    """Return the ops that the engine runs: each op's name and the opsets that its definitions begin at."""
    from mlparity.engine.ops.registry import opsets

    return opsets()


@typed_errors
def machine() -> Machine:
    """Return what is installed on this machine, and how each setting gets its numbers here."""
    return own.machine()
