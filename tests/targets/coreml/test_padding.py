"""Pads of every mode and axis convert, agree with PyTorch, and touch only axes that Core ML pads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.engine.mil.program import Name
from mlparity.engine.reading import read_program
from mlparity.targets.coreml.convert import Frontend
from tests.targets.several import converted_agrees

RNG = np.random.default_rng(0)
X = RNG.standard_normal((1, 2, 4, 5, 6)).astype(np.float32)
Mode = Literal["reflect", "replicate", "circular"]
MODES: tuple[Mode, ...] = ("reflect", "replicate", "circular")
torch.manual_seed(0)


def padded(mode: str, pads: tuple[int, ...], view: Callable[[Tensor], Tensor] = lambda x: x) -> Callable[..., Tensor]:
    return lambda x: F.pad(view(x), pads, mode=mode)


def conv(kind: type[nn.Conv1d | nn.Conv2d | nn.Conv3d], mode: Mode) -> nn.Module:
    return kind(2, 3, 3, padding=1, padding_mode=mode)


def cases(mode: Mode) -> list[Callable[[Tensor], Tensor]]:
    convolutions = nn.ModuleList(conv(kind, mode) for kind in (nn.Conv1d, nn.Conv2d, nn.Conv3d))
    return [
        padded(mode, (1, 2, 0, 1, 2, 1)),
        padded(mode, (0, 0, 0, 0, 2, 1)),
        padded(mode, (0, 0, 1, 2, 2, 1), lambda x: x[0]),
        padded(mode, (2, 1, 1, 2), lambda x: x[0]),
        padded(mode, (2, 1), lambda x: x[0, 0]),
        padded(mode, (2, -1, 1, 2, -1, 2)),
        lambda x: F.pad(x[0].permute(0, 3, 1, 2), (2, 1, 1, 1), mode=mode).permute(0, 2, 3, 1),
        lambda x: F.pad(F.pad(x[0, 0], (1, 1), mode=mode).transpose(1, 2), (1, 0), mode=mode).transpose(1, 2),
        Sliced(convolutions[0], 2),
        Sliced(convolutions[1], 1),
        convolutions[2],
    ]


class Sliced(nn.Module):
    """A module on the first element of some of the spatial axes."""

    def __init__(self, module: nn.Module, axes: int) -> None:
        super().__init__()
        self.module, self.axes = module, axes

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.axes):
            x = x[:, :, 0]
        return self.module(x)


@pytest.mark.parametrize(
    ("mode", "frontend"),
    [(mode, Frontend.TRACE) for mode in MODES] + [("reflect", Frontend.RUN), ("replicate", Frontend.DECOMPOSED)],
)
def test_a_pad_of_any_axis_agrees_and_loads(mode: Mode, frontend: Frontend, tmp_path: Path) -> None:
    converted_agrees(cases(mode), X, frontend, tmp_path)
    program = read_program(tmp_path / "model.mlpackage")
    ops = program.functions["main"].body.ops
    values = {op.outputs[0].name: op.attributes["val"].data for op in ops if op.type == "const"}
    for op in ops:
        if op.type == "pad":
            (pads,), (chosen,) = op.inputs["pad"], op.inputs["mode"]
            widths = values[pads.name] if isinstance(pads, Name) else pads.data
            assert not np.asarray(widths)[:-4].any(), (chosen, widths)


def test_complex_numbers_are_padded_along_any_axis(tmp_path: Path) -> None:
    functions = [lambda x: F.pad(torch.fft.fft(x[0]), (1, 0, 2, 1, 1, 2), mode="circular").abs()]
    converted_agrees(functions, X, Frontend.TRACE, tmp_path)


def test_an_edge_is_copied_more_often_than_its_axis_is_long(tmp_path: Path) -> None:
    functions: list[Callable[[Tensor], Tensor]] = [
        padded("replicate", (7, 0, 0, 9, 11, 1)),
        nn.ReplicationPad3d(2),
        nn.ReflectionPad3d(2),
    ]
    converted_agrees(functions, X, Frontend.TRACE, tmp_path)
