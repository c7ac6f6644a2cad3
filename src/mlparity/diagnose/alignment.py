"""Which value of a converted graph is which value of its source: equal elements in equal order, whatever the shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mlparity.core.budget import check_budget
from mlparity.core.trace import SourceTrace
from mlparity.engine.runtime.plan import Plan

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """One value of the source, flat and in double precision, and its largest finite element."""

    number: int
    values: Doubles
    size: float


class SourceValues:
    """The values of one run of the source, found by what they hold."""

    def __init__(self, trace: SourceTrace) -> None:
        self.arrays: dict[int, np.ndarray] = {number: _real(array) for _, number, array in trace.inputs}
        self.inputs = {name: number for name, number, _ in trace.inputs}
        self.arrays |= {number: _real(array) for op in trace.ops for number, array in op.results}
        self._by_count: dict[int, list[_Entry]] = {}
        self._alike: dict[tuple[int, int], set[int]] = {}
        self._keys: dict[int, tuple[int, int]] = {}
        self._entries: dict[int, _Entry] = {}
        for number, array in self.arrays.items():
            flat = array.reshape(-1).astype(np.float64)
            self._entries[number] = _Entry(number, flat, _size(flat))
            self._by_count.setdefault(flat.size, []).append(self._entries[number])
            self._keys[number] = (flat.size, hash(flat.tobytes()))
            self._alike.setdefault(self._keys[number], set()).add(number)

    def find(self, value: Tensor, tolerance: float) -> int | None:
        """Return the number of the nearest equal value: no element off by more than `tolerance` of the largest one.

        None where there is none, and for values that tell nothing: empty ones, and those of one repeated number.
        """
        flat = _flat(value)
        if flat.size == 0 or _tells_nothing(flat):
            return None
        size = _size(flat)
        near = [
            (gap, entry.number)
            for entry in self._by_count.get(flat.size, ())
            if abs(entry.size - size) <= 2 * tolerance * max(size, entry.size)
            and (gap := _gap(flat, entry.values)) <= tolerance
        ]
        return min(near)[1] if near else None

    def with_equals(self, numbers: Iterable[int]) -> frozenset[int]:
        """Return these numbers and those of all values that hold the same elements, such as views."""
        keys = {self._keys[number] for number in numbers if number in self._keys}
        return frozenset(other for key in keys for other in self._alike[key])

    def gap(self, value: Tensor, number: int) -> float:
        """Return the root mean square of a difference over the size of the source's value; infinite for other counts.

        Elements that are not finite on one side are left out; where none is left, the gap is the largest number.
        """
        entry = self._entries[number]
        if value.numel() != entry.values.size or not value.numel():
            return np.inf
        flat, wanted = _flat(value), entry.values
        finite = np.isfinite(flat) & np.isfinite(wanted)
        if not finite.any():
            return float(np.finfo(np.float64).max)
        difference = flat - wanted if finite.all() else flat[finite] - wanted[finite]
        return float(np.sqrt(np.mean(difference**2)) / (entry.size if entry.size else 1.0))

    def holds(self, value: Tensor, number: int, tolerance: float) -> bool:
        """Tell whether a value equals the source's, as `find` compares them; empty ones tell nothing."""
        flat, wanted = _flat(value), self._entries[number].values
        return 0 < flat.size == wanted.size and _gap(flat, wanted) <= tolerance

    def same(self, first: int, second: int, tolerance: float) -> bool:
        """Tell whether two values of the source are equal themselves."""
        left, right = (self._entries[number].values for number in (first, second))
        return first == second or (left.size == right.size and _gap(left, right) <= tolerance)


def _real(array: np.ndarray) -> np.ndarray:
    """Return an array of complex numbers as one of both parts along a new last axis, as a graph holds them."""
    return np.stack([array.real, array.imag], -1) if np.iscomplexobj(array) else array


def _flat(value: Tensor) -> Doubles:
    return value.detach().cpu().double().numpy().reshape(-1)


def _tells_nothing(flat: Doubles) -> bool:
    return flat.size == 1 or bool((flat == flat[0]).all()) or not np.isfinite(flat).any()


def _size(flat: Doubles) -> float:
    finite = np.abs(flat[np.isfinite(flat)])
    return float(finite.max()) if finite.size else 0.0


def _gap(first: Doubles, second: Doubles) -> float:
    """Return the largest difference over the largest finite element; infinite where NaNs or infinities differ."""
    with np.errstate(invalid="ignore"):
        same = (first == second) | (np.isnan(first) & np.isnan(second))
        difference = np.where(same, 0.0, np.abs(first - second))
    largest = float(difference.max(initial=0.0))
    size = _size(second)
    return largest / size if size and np.isfinite(largest) else (0.0 if largest == 0 else np.inf)


_PASSED_ON = frozenset({"cast", "identity", "read_state"})
"""The ops of MIL whose result is what they are given, but for its type.

Source: https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html
"""


def aligned_results(plan: Plan, values: Mapping[int, object], source: SourceValues, tolerance: float) -> dict[int, int]:
    """Return, for each slot of a run that has an equal value in the source, that value's number.

    Inputs and states are known by their names too: a state that begins at zero tells nothing by what it holds.
    """
    found = _aligned_inputs(plan, values, source, tolerance)
    for step in plan.steps:
        check_budget()
        fed = [slot for feed in step.feeds for slot in feed.slots] if step.op.type in _PASSED_ON else []
        for slot in (store.slot for store in step.stores):
            number = _found(values.get(slot), source, tolerance)
            if number is None and fed and _holds(values.get(slot), source, found.get(fed[0]), tolerance):
                number = found[fed[0]]
            if number is not None:
                found[slot] = number
    return found


def _aligned_inputs(plan: Plan, values: Mapping[int, object], source: SourceValues, tolerance: float) -> dict[int, int]:
    named = {name: slot for name, (slot, _) in plan.inputs.items()}
    named |= {name: state.first for name, state in plan.states.items()}
    found = {}
    for name, slot in named.items():
        value, number = values.get(slot), source.inputs.get(name)
        by_name = _holds(value, source, number, tolerance)
        aligned = number if by_name else _found(value, source, tolerance)
        if aligned is not None:
            found[slot] = aligned
    return found


def _holds(value: object, source: SourceValues, number: int | None, tolerance: float) -> bool:
    """Tell whether a value is the source's of this number: a cast may drop fractions, and overflow."""
    return isinstance(value, Tensor) and number is not None and source.holds(value, number, tolerance)


def _found(value: object, source: SourceValues, tolerance: float) -> int | None:
    return source.find(value, tolerance) if isinstance(value, Tensor) else None


_MOST_DIMENSIONS = 5
"""The highest rank of a tensor in Core ML, and so the longest list of sizes.

Source: https://apple.github.io/coremltools/docs-guides/source/model-input-and-output-types.html
"""


def sizes_of(plan: Plan, values: Mapping[int, object]) -> frozenset[int]:
    """Return the slots that hold sizes of tensors, and what is computed of sizes alone.

    PyTorch keeps sizes apart from tensors, so that no value of the source stands beside them; what they are used for is
    compared.
    """
    known = set[int]()
    for step in plan.steps:
        read = [slot for feed in step.feeds for slot in feed.slots if plan.initial[slot] is None]
        if step.op.type == "shape" or (read and known.issuperset(read)):
            known.update(store.slot for store in step.stores if _is_of_sizes(values.get(store.slot)))
    return frozenset(known)


def _is_of_sizes(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_floating_point() and value.numel() <= _MOST_DIMENSIONS
