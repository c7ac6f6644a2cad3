"""A sigmoid and the product with its own input as one silu, where nothing between the two is rounded.

Networks have no silu, and neither have sources that spell it out. One pass over memory takes half the time of two, and
rounds once in place of twice: results differ from those of the two steps in the last place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it

from mlparity.engine.ops.schema import Kind
from mlparity.engine.runtime.plan import Feed, Step


def with_silus(steps: tuple[Step, ...], kept: frozenset[int]) -> tuple[Step, ...]:
    """Return the steps with a silu for each sigmoid whose result only a product with the same input reads.

    Before: `y = sigmoid(x); z = x * y`. After: `z = silu(x)`.
    """
    readers: dict[int, list[Step]] = {}
    for step in steps:
        for slot in {slot for feed in step.feeds for slot in feed.slots}:
            readers.setdefault(slot, []).append(step)
    merged = {id(step): product for step, product in _pairs(steps, readers, kept)}
    products = {id(product): step for step in steps if (product := merged.get(id(step))) is not None}
    return tuple(
        _silu(products[id(step)], step) if id(step) in products else step for step in steps if id(step) not in merged
    )


def _pairs(
    steps: tuple[Step, ...], readers: dict[int, list[Step]], kept: frozenset[int]
) -> Iterator[tuple[Step, Step]]:
    """Yield each sigmoid that becomes part of a product, and that product."""
    for step in steps:
        if step.op.type != "sigmoid" or len(step.feeds) != 1 or not _is_plain(step):
            continue
        result = step.stores[0].slot
        found = readers.get(result, [])
        if len(found) == 1 and result not in kept and _multiplies(found[0], {step.feeds[0].slots[0], result}):
            yield step, found[0]


def _multiplies(step: Step, slots: set[int]) -> bool:
    """Return whether a step is the product of the values in two slots, not rounded afterwards."""
    fed = [slot for feed in step.feeds for slot in feed.slots]
    return step.op.type == "mul" and len(fed) == 2 and set(fed) == slots and _is_plain(step)


def _is_plain(step: Step) -> bool:
    """Return whether a step computes as PyTorch does, and nothing narrows its result."""
    numerics = [each for each in (step.numerics, step.stores[0].numerics) if each is not None]
    return all(each.grid is None and not each.arithmetic.unaries for each in numerics)


def _silu(sigmoid: Step, product: Step) -> Step:
    feed = Feed("input", sigmoid.feeds[0].slots, Kind.TENSOR)
    return replace(product, fn=F.silu, constants={}, numerics=None, feeds=(feed,))
