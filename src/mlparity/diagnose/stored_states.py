"""Whether all that differs in a run is that the artifact stores its state in fp16 between runs."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from mlparity.diagnose.distance import Tensors, distance
from mlparity.diagnose.rungs import Rungs
from mlparity.record.causes import Cause, CauseKind, Evidence, Observation

_ULP, _SMALLEST = 2.0**-10, 2.0**-24
"""The last place of an fp16 number, as a part of it, and the smallest number. Source: IEEE 754-2019, binary16."""

_ROUNDING = 2e-6
"""The distance that fp32's own rounding may make; as for the rows of a ladder (assumed)."""


def stored_states(rungs: Rungs) -> Cause | None:
    """Return the cause where every state is the source's to within fp16's last place, and the outputs agree.

    Both sides began with the same state. None where no state is stored in fp16, or where more than that differs.
    """
    if not rungs.half_states:
        return None
    found = rungs.run(rungs.numerics, rungs.inputs)
    if not found.keys() >= rungs.expected.keys():
        return None
    states = {name: value for name, value in rungs.expected.items() if name in rungs.half_states}
    if distance(*_both(found, rungs.expected, rungs.expected.keys() - states.keys())) > max(rungs.floor, _ROUNDING):
        return None
    if not all(_is_rounded(found[name], value) for name, value in states.items()):
        return None
    changed = [name for name, value in states.items() if bool((found[name].double() != value.double()).any())]
    if not changed:
        return None
    names = {"states": ", ".join(rungs.half_states[name] for name in changed)}
    figures = {"difference": distance(*_both(found, states, states.keys()))}
    return Cause(CauseKind.PRECISION, (Evidence(Observation.STATE_STORED, figures, names),))


def _both(found: Tensors, expected: Tensors, names: Collection[str]) -> tuple[Tensors, Tensors]:
    return {name: found[name] for name in names}, {name: expected[name] for name in names}


def _is_rounded(found: Tensor, expected: Tensor) -> bool:
    wide = expected.double()
    return bool(((found.double() - wide).abs() <= wide.abs() * _ULP + _SMALLEST).all())
