"""What coremltools cannot read, or Core ML cannot hold, is rewritten into something that computes the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.words import Precision
from mlparity.targets.coreml.convert import CoremlOptions, Frontend, convert
from tests.loading import load_source
from tests.targets.parity import parity_of

X = np.random.default_rng(0).standard_normal((2, 8, 8, 3)).astype(np.float32)
EXPORTED = (Frontend.EXPORT, Frontend.RUN)


class Called(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def windows(x: Tensor) -> Tensor:
    return x.view(2, 2, 4, 2, 4, 3).permute(0, 1, 3, 2, 4, 5).reshape(8, 16, 3) + 1


def crossed(x: Tensor) -> Tensor:
    """Six axes of which no two can be merged."""
    return x.view(2, 2, 4, 2, 2, 6).permute(5, 3, 1, 4, 0, 2).reshape(24, 16) + 1


def parts(x: Tensor) -> Tensor:
    first, second = x.view(2, 2, 2, 2, 8, 3).permute(4, 0, 2, 1, 3, 5).unbind(3)
    return (first * 2 - second).flatten(1)


def pooled(x: Tensor) -> Tensor:
    return x.view(2, 2, 4, 2, 4, 3).max(dim=4).values.flatten(2) + x.view(2, 2, 4, 2, 4, 3).mean(dim=-2).flatten(2)


def scaled(x: Tensor) -> Tensor:
    return (x.view(2, 2, 4, 2, 4, 3) * torch.arange(1.0, 4.0) + x.view(2, 2, 4, 2, 4, 3)).flatten(1)


def normalised(x: Tensor) -> Tensor:
    return x.view(2, 2, 4, 2, 4, 3).softmax(dim=2).flatten(1)


@pytest.mark.parametrize("frontend", EXPORTED)
@pytest.mark.parametrize(
    "function", [windows, crossed, parts, pooled, scaled, normalised], ids=lambda each: each.__name__
)
def test_more_than_five_axes_become_fewer(
    function: Callable[[Tensor], Tensor], frontend: Frontend, tmp_path: Path
) -> None:
    parity = parity_of(Called(function).eval(), {"x": X}, tmp_path, CoremlOptions(frontends=(frontend,)))
    assert parity.excess <= 1


@pytest.mark.parametrize("frontend", EXPORTED)
def test_strides_are_those_of_the_tensor_in_memory(frontend: Frontend, tmp_path: Path) -> None:
    def diagonals(x: Tensor) -> Tensor:
        turned = x[0, :, :, 0].clone().T  # its elements lie in memory by columns
        return turned.as_strided((3, 4), (9, 1), 2) * 2

    parity = parity_of(Called(diagonals).eval(), {"x": X}, tmp_path, CoremlOptions(frontends=(frontend,)))
    assert parity.excess <= 1


def rotated(x: Tensor) -> Tensor:
    """A rotary embedding: neighbours taken for complex numbers are turned by an angle that grows with the place."""
    angles = torch.outer(torch.arange(8.0), torch.tensor([1.0, 0.1, 0.01]))
    pairs = torch.view_as_complex(x.transpose(1, 3).reshape(2, 3, 8, 4, 2).transpose(1, 3).contiguous())
    turned = pairs * torch.polar(torch.ones_like(angles), angles)[:, None].transpose(0, 1)
    return torch.view_as_real(turned + pairs.conj() * 0.5).flatten(3) * turned.abs().mean()


@pytest.mark.parametrize("frontend", EXPORTED)
def test_complex_numbers_become_pairs(frontend: Frontend, tmp_path: Path) -> None:
    parity = parity_of(Called(rotated).eval(), {"x": X}, tmp_path, CoremlOptions(frontends=(frontend,)))
    assert parity.excess <= 1


def test_what_depends_on_no_input_is_computed_beforehand() -> None:
    def masked(x: Tensor) -> Tensor:
        return x + torch.linalg.eigvalsh(torch.diag(torch.arange(3.0)))  # an op that coremltools has not

    source = load_source(Called(masked).eval(), {"x": X})
    made = convert(source, {"x": X}, CoremlOptions(frontends=(Frontend.EXPORT,)))
    kinds = {op.op_type for op in made.model._mil_program.functions["main"].operations}
    assert kinds == {"const", "add"}


def test_an_op_without_a_lowering_is_decomposed(tmp_path: Path) -> None:
    parity = parity_of(
        Called(lambda x: torch.logaddexp(x, 2 * x) + torch.lerp(x, x * x, 0.3)).eval(), {"x": X}, tmp_path
    )
    assert parity.excess <= 1
    assert parity.conversion.frontend is Frontend.DECOMPOSED
    assert [attempt.split(":")[0] for attempt in parity.conversion.attempts] == ["trace", "export"]


def test_an_op_whose_lowering_fails_is_decomposed(tmp_path: Path) -> None:
    def product(x: Tensor) -> Tensor:
        a = x.reshape(2, 2, 4, 8, 3)
        return torch.einsum("...qhd,...khd->...hqk", a, a)

    parity = parity_of(Called(product).eval(), {"x": X}, tmp_path, CoremlOptions(frontends=(Frontend.DECOMPOSED,)))
    assert parity.excess <= 1


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient * 2


def by_value(x: Tensor) -> Tensor:
    return x + 1 if bool((x > 0).any()) else x - 1


def into_views(x: Tensor) -> Tensor:
    made = torch.zeros_like(x)
    made[:, :4].transpose(1, 2)[:, 2:, 1:] = x[:, 1:4, 2:].transpose(1, 2)
    made[0].unsqueeze(0)[:, 2:, :, 1].add_(1)
    return made * 2


def filled(x: Tensor) -> Tensor:
    return x + torch.zeros(3).fill_(2.0) + Doubled.apply(x)


@pytest.mark.parametrize("function", [by_value, into_views, filled], ids=lambda each: each.__name__)
def test_a_recorded_run_follows_what_others_stop_at(function: Callable[[Tensor], Tensor], tmp_path: Path) -> None:
    alone = parity_of(Called(function).eval(), {"x": X}, tmp_path, CoremlOptions(frontends=(Frontend.RUN,)))
    assert alone.excess <= 1
    assert parity_of(Called(function).eval(), {"x": X}, tmp_path).excess <= 1, "by whatever route comes first"


def test_a_trace_that_writes_into_views_waits_until_the_others_have_failed() -> None:
    made = convert(load_source(Called(into_views).eval(), {"x": X}), {"x": X})
    assert made.frontend is Frontend.EXPORT
    assert "writes into parts" in made.attempts[0]


@pytest.mark.parametrize("masked", [torch.finfo(torch.float32).min, -1e10])
def test_a_mask_stays_finite_in_fp16(masked: float, tmp_path: Path) -> None:
    def attention(x: Tensor) -> Tensor:
        return torch.softmax(x + (1.0 - (x > 0).float()) * masked, dim=-1)

    parity = parity_of(Called(attention).eval(), {"x": X}, tmp_path, CoremlOptions(precision=Precision.FP16))
    assert parity.max_abs < 1e-2


def test_an_infinity_stays_infinite_in_fp16(tmp_path: Path) -> None:
    def masked(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, -torch.inf).exp().amin() * 65504 + x

    parity = parity_of(Called(masked).eval(), {"x": X}, tmp_path, CoremlOptions(precision=Precision.FP16))
    assert parity.max_abs < 1e-2
