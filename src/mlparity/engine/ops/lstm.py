"""MIL's `lstm`: step by step, or by PyTorch's own kernel where that computes the same.

Source: see `recurrent`.

Initial states of more samples than the sequence has are taken for the first of them: coremltools writes them so for
packed sequences, and holds Core ML to PyTorch's result (coremltools 9.0, `frontend/torch/test/test_torch_ops.py`,
`TestLSTMWithPackedSequence`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.recurrent import Activation, activation_named, in_order, sequence
from mlparity.engine.ops.registry import Rounding, mil_op

NATIVE_FROM = 4
HIDDEN_PER_STEP = 16
"""PyTorch's kernel wants the gates in another order, and packs the weights anew in each call: it pays from this many
steps on, and from one step for this many hidden units (measured on x86 with 64, 128 and 512 units)."""


@dataclass(frozen=True, slots=True)
class _Weights:
    """One direction's weights; the gates lie in the order input, forget, output, cell."""

    ih: Tensor
    hh: Tensor
    bias: Tensor | None
    peephole: Tensor | None

    def check(self, x: Tensor, h: Tensor, c: Tensor, directions: int) -> None:
        """Raise where shapes do not fit: PyTorch's kernel reads beyond its inputs rather than refuse them."""
        hidden = self.hh.shape[-1]
        wanted = [
            ("x", x, (*x.shape[:2], self.ih.shape[-1])),
            ("initial_h", h, (x.shape[1], directions * hidden)),
            ("initial_c", c, (x.shape[1], directions * hidden)),
            ("weight_ih", self.ih, (4 * hidden, self.ih.shape[-1])),
            ("weight_hh", self.hh, (4 * hidden, hidden)),
            ("bias", self.bias, (4 * hidden,)),
            ("peephole", self.peephole, (3 * hidden,)),
        ]
        for name, found, shape in wanted:
            if found is not None and found.shape != shape:
                raise ValueError(f"{name} is {tuple(found.shape)}, not {tuple(shape)}")

    def reordered(self) -> list[Tensor]:
        """Return the weights in PyTorch's order: input, forget, cell, output; with both of its biases."""
        bias = self.hh.new_zeros(self.hh.shape[0]) if self.bias is None else self.bias
        order = [0, 1, 3, 2]
        moved = [torch.cat([weight.chunk(4)[gate] for gate in order]) for weight in (self.ih, self.hh, bias)]
        return [*moved, torch.zeros_like(bias)]


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one step does between the products."""

    gate: Activation
    candidate: Activation
    output: Activation
    clip: float | None
    num: Numerics

    def step(self, gates: Tensor, c: Tensor, peephole: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the hidden and the cell state after one step."""
        width = c.shape[-1]
        z = self.candidate(gates.narrow(-1, 3 * width, width))
        if peephole is None:
            i, f, o = self.gate(gates.narrow(-1, 0, 3 * width)).chunk(3, dim=-1)
            c = self._cached(f, c, i, z)
        else:
            i, f, o, _ = gates.chunk(4, dim=-1)
            to_i, to_f, to_o = peephole.chunk(3)
            c = self._cached(self.gate(f + to_f * c), c, self.gate(i + to_i * c), z)
            o = self.gate(o + to_o * c)
        return self.num.store(o * self.output(c)), c

    def _cached(self, f: Tensor, c: Tensor, i: Tensor, z: Tensor) -> Tensor:
        c = torch.addcmul(f * c, i, z)
        return self.num.store(c if self.clip is None else c.clamp(-self.clip, self.clip))

    def run(self, x: Tensor, h: Tensor, c: Tensor, weights: _Weights) -> tuple[Tensor, Tensor, Tensor]:
        """Return all hidden states of one direction, and its last states."""
        initial, states, recall = h, [], weights.hh.t()
        for step in F.linear(x, weights.ih, weights.bias).unbind(0):
            h, c = self.step(torch.addmm(step, h, recall), c, weights.peephole)
            states.append(h)
        return sequence(states, initial), h, c


@mil_op("lstm", rounding=Rounding.REDUCE)
def lstm(
    x: Tensor,
    initial_h: Tensor,
    initial_c: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    peephole: Tensor | None = None,
    weight_ih_back: Tensor | None = None,
    weight_hh_back: Tensor | None = None,
    bias_back: Tensor | None = None,
    peephole_back: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    cell_activation: str = "tanh",
    activation: str = "tanh",
    clip: float | None = None,
    *,
    num: Numerics,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run long short-term memory over a sequence: the hidden states, or the last one, and both last states.

    `clip` bounds the cell state after each step. The output gate's peephole sees the new cell state.

    Shape: x (s, b, I), initial_h and initial_c (b or more, D * H), weight_ih (4H, I), weight_hh (4H, H), bias (4H) in
    the order input, forget, output, cell, peephole (3H) likewise without cell; gives (s or 1, b, D * H) and twice
    (b, D * H), where D is 2 for "bidirectional", forward first, and 1 otherwise.
    Rounding: both states are stored after each step, nothing within it (assumed).

    Raises:
        ValueError: an unknown direction or activation, no backward weights for "bidirectional", or a wrong shape.
    """
    initial_h, initial_c = initial_h[: x.shape[1]], initial_c[: x.shape[1]]
    gate, candidate, output = map(activation_named, (recurrent_activation, cell_activation, activation))
    cell = _Cell(gate, candidate, output, clip, num)
    weights = [_Weights(weight_ih, weight_hh, bias, peephole)]
    if direction == "bidirectional":
        if weight_ih_back is None or weight_hh_back is None:
            raise ValueError("a bidirectional lstm needs weight_ih_back and weight_hh_back")
        weights.append(_Weights(weight_ih_back, weight_hh_back, bias_back, peephole_back))
    else:
        x = in_order(x, direction)
    for weight in weights:
        weight.check(x, initial_h, initial_c, len(weights))
    if _is_native(x, cell, weights):
        states, h, c = _native(x, initial_h, initial_c, weights)
    else:
        states, h, c = _stepped(x, initial_h, initial_c, cell, weights)
    return (states if output_sequence else h.unsqueeze(0)), h, c


def _is_native(x: Tensor, cell: _Cell, weights: list[_Weights]) -> bool:
    plain = (cell.gate, cell.candidate, cell.output) == (torch.sigmoid, torch.tanh, torch.tanh) and cell.clip is None
    unseen = all(weight.peephole is None for weight in weights)
    least = max(NATIVE_FROM, weights[0].hh.shape[1] // HIDDEN_PER_STEP)
    # without hidden units PyTorch's kernel divides by zero, which ends the process (torch 2.13)
    has_some = all(0 not in tensor.shape for tensor in (x, *(weight.hh for weight in weights)))
    return plain and unseen and has_some and cell.num.grid is None and x.shape[0] >= least


def _stepped(x: Tensor, h: Tensor, c: Tensor, cell: _Cell, weights: list[_Weights]) -> tuple[Tensor, Tensor, Tensor]:
    if len(weights) == 1:
        return cell.run(x, h, c, weights[0])
    (h_forward, h_back), (c_forward, c_back) = h.chunk(2, dim=-1), c.chunk(2, dim=-1)
    forward = cell.run(x, h_forward, c_forward, weights[0])
    states, h_back, c_back = cell.run(x.flip(0), h_back, c_back, weights[1])
    pairs = zip(forward, (states.flip(0), h_back, c_back), strict=True)
    states, h, c = (torch.cat(pair, dim=-1) for pair in pairs)
    return states, h, c


def _native(x: Tensor, h: Tensor, c: Tensor, weights: list[_Weights]) -> tuple[Tensor, Tensor, Tensor]:
    count = len(weights)
    initial = tuple(torch.stack(state.chunk(count, dim=-1)) for state in (h, c))
    parameters = [parameter for weight in weights for parameter in weight.reordered()]
    states, last_h, last_c = torch.lstm(x, initial, parameters, True, 1, 0.0, False, count == 2, False)
    return states, torch.cat(last_h.unbind(0), dim=-1), torch.cat(last_c.unbind(0), dim=-1)
