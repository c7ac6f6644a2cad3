"""Errors op by op of an artifact that another runtime ran: what each op adds, and what has accumulated.

The source is run in fp64 twice. In the second run each value that the artifact has too is put aside for the artifact's
own, so that what comes next differs by its own error alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mlparity.core.budget import check_budget
from mlparity.diagnose.drift import gap

_ALIKE = 0.05
"""How far a value may be from its counterpart, as a root mean square (assumed: eight bits are off by less)."""

Run = Callable[[Callable[[str, str, Tensor], Tensor]], None]
"""Runs the source, shows each op's name, type and result, and goes on with what it is given back."""


@dataclass(frozen=True, slots=True)
class OpError:
    """The errors of a value that both sides have: the source's op, its type, and the artifact's value by name."""

    op: str
    type: str
    value: str
    local: float
    accumulated: float


def op_errors(run: Run, values: Mapping[str, np.ndarray]) -> tuple[OpError, ...]:
    """Return the errors of the artifact's `values` that the source has too, in the order of the source's run."""
    exact: dict[str, Tensor] = {}

    def keep(name: str, _type: str, result: Tensor) -> Tensor:
        exact[name] = result.detach().clone()
        return result

    run(keep)
    second = _Second(exact, values)
    run(second.shown)
    return tuple(second.found)


class _Second:
    """The run with the artifact's own values in it."""

    def __init__(self, exact: Mapping[str, Tensor], values: Mapping[str, np.ndarray]) -> None:
        self.exact, self.found = exact, list[OpError]()
        self._waiting: dict[int, dict[str, np.ndarray]] = {}
        for name, array in values.items():
            if array.dtype.kind == "f" and array.size:
                self._waiting.setdefault(array.size, {})[name] = array

    def shown(self, name: str, kind: str, result: Tensor) -> Tensor:
        """Return the artifact's value in place of a result, or the result where it has none."""
        check_budget()
        best = min(self._near(result), default=None, key=lambda each: each[0])
        expected = self.exact.get(name)
        if best is None or expected is None or expected.shape != result.shape:
            return result
        local, value, own = best
        del self._waiting[own.numel()][value]
        self.found.append(OpError(name, kind, value, local, gap(own, expected)))
        return own.to(result.dtype)

    def _near(self, result: Tensor) -> Iterator[tuple[float, str, Tensor]]:
        for name, array in self._waiting.get(result.numel(), {}).items():
            for way in _ways(array, tuple(result.shape)):
                own = torch.from_numpy(np.ascontiguousarray(way)).double()
                if (local := gap(own, result)) <= _ALIKE:
                    yield local, name, own


def _ways(array: np.ndarray, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """Yield a value in the source's shape: in the order that it has, and with channels last put first."""
    yield array.reshape(shape)
    if array.ndim >= 3:
        moved = np.moveaxis(array, -1, 1)
        if [each for each in moved.shape if each != 1] == [each for each in shape if each != 1]:
            yield moved.reshape(shape)
