"""Where a network's value comes to a unit that holds it in fp16 from where it is wider, it is rounded on the way in.

A network declares no types: its inputs, its weights and what the CPU computes are fp32. In an ML Program the file has
a cast at each such place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mlparity.engine.mil.program import Name, NamedType, Op, TensorType, Value, ValueType
from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import find
from mlparity.engine.ops.schema import Kind
from mlparity.engine.runtime.blocks import CONTROL_FLOW
from mlparity.engine.runtime.plan import Feed, Step, Store
from mlparity.engine.runtime.tensors import storage_dtype

_NARROW = "fp16"


@dataclass(slots=True)
class Crossings:
    """The slots of a draft on the way through its steps: `initial` and `declared` grow by those of rounded values.

    `placed_by` gives the numerics that say where something is rounded, `numerics_of` those that say how.
    """

    numerics_of: Callable[[Op], Numerics]
    placed_by: Callable[[Op], Numerics]
    initial: list[object]
    constant: set[int]
    declared: dict[int, ValueType]
    names: dict[int, str]
    rounded: set[int] = field(default_factory=set)
    copies: dict[tuple[int, int], int] = field(default_factory=dict)

    def steps(self, steps: tuple[Step, ...]) -> Iterator[Step]:
        """Yield the steps, each after the roundings of what it reads.

        Before: `y = conv(x, w)`, x and w in fp32. After: `x' = round(x); y = conv(x', w')`, w' a rounded constant.
        """
        for step in steps:
            numerics, placed = self.numerics_of(step.op), self.placed_by(step.op)
            if step.op.type in CONTROL_FLOW or placed.grid is None:
                yield step
                continue
            feeds = []
            for feed in step.feeds:
                made = [self._read(slot, numerics, placed) for slot in feed.slots]
                yield from (added for _, added in made if added is not None)
                feeds.append(replace(feed, slots=tuple(slot for slot, _ in made)))
            self.rounded.update(store.slot for store in step.stores)
            yield replace(step, feeds=tuple(feeds))

    def _read(self, slot: int, numerics: Numerics, placed: Numerics) -> tuple[int, Step | None]:
        """Return the slot to read instead of `slot`, and the step that fills it where there is none yet."""
        declared = self.declared.get(slot)
        if not isinstance(declared, TensorType) or declared.dtype != _NARROW or slot in self.rounded:
            return slot, None
        key = (slot, id(placed.arithmetic.rounding))
        if key in self.copies:
            return self.copies[key], None
        self.copies[key] = copy = len(self.initial)
        self.initial.append(None)
        self.declared[copy] = declared
        self.rounded.add(copy)
        value = self.initial[slot]
        if slot in self.constant and isinstance(value, Tensor):
            self.initial[copy] = _rounded(value, numerics)
            self.constant.add(copy)
            return copy, None
        return copy, self._rounding(slot, copy, declared, numerics)

    def _rounding(self, slot: int, copy: int, declared: TensorType, numerics: Numerics) -> Step:
        name = self.names.get(slot, f"<{slot}>")
        output = NamedType(f"{name}_{_NARROW}_{copy}", declared)
        dtype = Value(TensorType("string", ()), _NARROW)
        op = Op("cast", {"x": (Name(name),), "dtype": (dtype,)}, (output,), output.name)
        definition = find("cast", 15)
        store = Store(copy, output, storage_dtype(_NARROW, numerics.compute), numerics)
        feed = Feed("x", (slot,), Kind.TENSOR)
        return Step(op, definition, definition.fn, {"dtype": _NARROW}, (feed,), (store,), numerics)


def _rounded(value: Tensor, numerics: Numerics) -> Tensor:
    """Return a constant rounded as a unit stores it; it may share memory with nothing, but where nothing is rounded."""
    if numerics.grid is None:
        return value
    with torch.no_grad():
        return numerics.store(value.to(numerics.compute, copy=True))


def names_of(steps: tuple[Step, ...]) -> Mapping[int, str]:
    """Return the name of each slot that a step fills."""
    return {store.slot: store.output.name for step in steps for store in step.stores}
