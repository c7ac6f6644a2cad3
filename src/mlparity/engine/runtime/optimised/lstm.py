"""`lstm` with constant weights by our own kernel, both states rounded at each step where results are typed fp16."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS
from mlparity.engine.runtime.optimised.matrix import in_blocks
from mlparity.engine.runtime.optimised.multiply import Blocks, Rows, multiply
from mlparity.engine.runtime.optimised.packed import Follows, PackedOnce, Weights
from mlparity.engine.runtime.plan import Step

GATES = 4

LEAST_PRODUCTS = 2**17
"""Multiplications of a step from which a second thread gains more than the waiting costs (measured on x86, 2 cores)."""

READS = ("x", "initial_h", "initial_c")

NOTHING = Follows().tensor()
"""The limits of what is not limited."""

_USUAL = {"recurrent_activation": "sigmoid", "cell_activation": "tanh", "activation": "tanh"}


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """The weights of one direction, gates by sixteen units; see `kernels.fp32_lstm.JOB`."""

    ih: PackedOnce
    hh: PackedOnce
    bias: Tensor
    inputs: int
    units: int


@dataclass(frozen=True, slots=True, eq=False)
class PackedLstm:
    """An LSTM of one direction or two, which are `reverse` or not; `whole` says that all hidden states are wanted.

    `rounds` says whether both states are rounded to fp16's numbers after each step.
    """

    directions: tuple[Direction, ...]
    reverse: bool
    whole: bool
    rounds: bool
    can_round: bool = False
    reads: tuple[str, ...] = READS

    def followed_by(self, _: Follows) -> PackedLstm:
        """Return the same: nothing can follow within the kernel."""
        return self

    def __call__(self, x: Tensor, initial_h: Tensor, initial_c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the hidden states, or the last one, and both last states, as `lstm` has them.

        Raises:
            ValueError: inputs of other types or shapes than the weights are for.
        """
        count, (inputs, units) = len(self.directions), (self.directions[0].inputs, self.directions[0].units)
        if x.ndim != 3 or x.shape[2] != inputs or x.dtype is not torch.float32:
            raise ValueError(f"x is {x.dtype} {list(x.shape)}, the weights take {inputs} columns of fp32")
        h, c = (state[: x.shape[1]] for state in (initial_h, initial_c))
        for name, state in (("initial_h", h), ("initial_c", c)):
            if state.shape != (x.shape[1], count * units) or state.dtype is not torch.float32:
                raise ValueError(f"{name} is {state.dtype} {list(state.shape)}, not fp32 {[x.shape[1], count * units]}")
        ways = [x.flip(0) if self.reverse else x, x.flip(0)][:count]
        starts = zip(self.directions, ways, h.chunk(count, -1), c.chunk(count, -1), strict=True)
        found = [self._run(*start) for start in starts]
        sequences = [states.flip(0) if direction else states for direction, (states, _, _) in enumerate(found)]
        states, h, c = (torch.cat(parts, -1) for parts in (sequences, [f[1] for f in found], [f[2] for f in found]))
        return (states if self.whole else h.unsqueeze(0)), h, c

    def _run(self, weights: Direction, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        steps, samples, _ = x.shape
        groups = -(-weights.units // COLUMNS)
        columns = groups * GATES * COLUMNS
        added, seen = torch.empty(steps * samples, columns), x.contiguous()
        rows, blocks = Rows(seen.data_ptr(), steps * samples), Blocks(weights.ih(), weights.bias, columns)
        multiply(rows, weights.inputs, blocks, NOTHING, False, added)
        hidden = torch.zeros(steps + 1, samples, groups * COLUMNS)
        cell = torch.zeros(samples, groups * COLUMNS)
        hidden[0, :, : weights.units], cell[:, : weights.units] = h, c
        enough = GATES * samples * weights.units**2 >= LEAST_PRODUCTS
        _kernels().run(
            *(torch.get_num_threads() if enough else 1, groups, steps, samples, weights.units),
            *(weights.hh().data_ptr(), added.data_ptr(), hidden.data_ptr(), cell.data_ptr(), self.rounds),
        )
        hidden = hidden[..., : weights.units]
        return hidden[1:], hidden[-1], cell[:, : weights.units]


def packed_lstm(step: Step, weights: Weights) -> PackedLstm | None:
    """Return an optimised LSTM, for constant weights, the usual activations, no clip and no peephole; else None."""
    known, found = step.constants, weights.constants(step, READS)
    if found is None or known.get("clip") is not None or "peephole" in found or "peephole_back" in found:
        return None
    if any(str(known.get(name, usual)).lower() != usual for name, usual in _USUAL.items()):
        return None
    num = step.numerics
    if num is None or not (num.grid is None or num.rounds_to_fp16):
        return None
    way = known.get("direction", "forward")
    ends = {"forward": ("",), "reverse": ("",), "bidirectional": ("", "_back")}.get(str(way), ())
    sides = [_direction(found, weights, end) for end in ends]
    directions = tuple(side for side in sides if side is not None)
    if not directions or len(directions) < len(ends) or len({(d.inputs, d.units) for d in directions}) > 1:
        return None
    return PackedLstm(directions, way == "reverse", bool(known.get("output_sequence", False)), num.rounds_to_fp16)


def _direction(found: Mapping[str, Tensor], weights: Weights, end: str) -> Direction | None:
    ih, hh, bias = (found.get(name + end) for name in ("weight_ih", "weight_hh", "bias"))
    if ih is None or hh is None or hh.ndim != 2 or ih.ndim != 2 or hh.numel() == 0 or ih.numel() == 0:
        return None
    units = hh.shape[1]
    if hh.shape[0] != GATES * units or ih.shape[0] != GATES * units:
        return None
    if bias is not None and bias.shape != (GATES * units,):
        return None
    offsets = torch.zeros(GATES * units) if bias is None else bias.float()
    packed = [PackedOnce(_in_groups, (weight, weights.scratch)) for weight in (ih, hh)]
    return Direction(packed[0], packed[1], _by_group(offsets[:, None]).flatten(), ih.shape[1], units)


def _in_groups(wide: Tensor) -> Tensor:
    return in_blocks(_by_group(wide))


def _by_group(wide: Tensor) -> Tensor:
    """Return rows (4 gates of units) by groups of sixteen units, gate by gate, with rows of 0 to fill a group."""
    units = wide.shape[0] // GATES
    groups = -(-units // COLUMNS)
    filled = torch.zeros(GATES, groups * COLUMNS, wide.shape[1])
    filled[:, :units] = wide.view(GATES, units, wide.shape[1])
    by_group = filled.view(GATES, groups, COLUMNS, wide.shape[1]).transpose(0, 1)
    return by_group.reshape(groups * GATES * COLUMNS, wide.shape[1])


@cache
def _kernels() -> Any:
    """Return the compiled kernels; loaded late, for loading a model needs none of them."""
    from mlparity.engine.numerics.kernels import fp32_lstm

    return fp32_lstm
