"""Each lowering computes what PyTorch computes, in both of coremltools' readers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.engine.reading import read_program
from mlparity.targets.coreml.convert import CoremlOptions, Frontend
from mlparity.targets.coreml.quiet_coremltools import quiet
from tests.targets.parity import parity_of

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 8)).astype(np.float32)
IMAGE = RNG.standard_normal((1, 2, 6, 5)).astype(np.float32)
ROWS = RNG.standard_normal((5, 4)).astype(np.float32)
ANGLES = np.stack(np.meshgrid([-2.0, 0.0, 3.0], [-1.0, 0.0, 4.0])).astype(np.float32)
INDEX = np.array([4, 0, 2])
WEIGHTS = torch.from_numpy(RNG.standard_normal((3, 4, 4)).astype(np.float32))

ONLY_EXPORT = (Frontend.EXPORT,)

SCALE = torch.tensor([1.5, -2.5]).reshape(1, 2, 1, 1)


@dataclass(frozen=True)
class Case:
    """A function of one or more inputs; the trace, the export, or both are to convert it."""

    name: str
    function: Callable[..., Tensor]
    inputs: tuple[np.ndarray, ...]
    frontends: tuple[Frontend, ...] = (Frontend.TRACE, Frontend.EXPORT)


class Called(nn.Module):
    """A function as a module whose inputs are x0, x1, ..."""

    def __init__(self, function: Callable[..., Tensor], count: int) -> None:
        super().__init__()
        self.function = function
        ways: dict[int, Callable[..., Tensor]] = {1: self._one, 2: self._two}
        self.forward = ways[count]

    def _one(self, x0: Tensor) -> Tensor:
        return self.function(x0)

    def _two(self, x0: Tensor, x1: Tensor) -> Tensor:
        return self.function(x0, x1)


def grouped(x: Tensor, ends: Tensor) -> Tensor:
    return torch._grouped_mm(x, WEIGHTS, offs=ends.to(torch.int32))


def written(x: Tensor, positions: Tensor, values: Tensor | float) -> Tensor:
    """A cache's way to write: several places along an axis that is not the first."""
    held = x.clone()
    held[:, positions] = values
    return held


CASES = (
    Case("new_ones", lambda x: x * x.new_ones((3, 8)), (X,)),
    Case("new_ones of integers", lambda x: x.new_ones((2,)) + x[:2], (INDEX,)),
    Case("new_zeros of integers", lambda x: x.new_zeros((2,)) + x[:2] * 7, (INDEX,)),
    Case("new_full", lambda x: x + x.new_full((3, 1), 2.5), (X,)),
    Case("where with a number last", lambda x: torch.where(x > 0, x, -2.0), (X,)),
    Case("where with a number first", lambda x: torch.where(x > 0, 3.0, x), (X,)),
    Case("where with two numbers", lambda x: torch.where(x > 0, 3.0, -1.0) * x, (X,)),
    Case("diff", lambda x: torch.diff(x, n=2), (X,)),
    Case("diff along an axis, with ends", lambda x: torch.diff(x, dim=1, prepend=x[:, :1], append=x[:, :1] * 2), (X,)),
    Case("diff of truth values", lambda x: torch.diff(x > 0, dim=0).float(), (X,)),
    Case("alias", lambda x: torch.ops.aten.alias(x) + 1, (X,)),
    Case("bicubic to a size", lambda x: F.interpolate(x, size=(9, 4), mode="bicubic"), (IMAGE,)),
    Case("bicubic by factors", lambda x: F.interpolate(x, scale_factor=(1.5, 2.0), mode="bicubic"), (IMAGE,)),
    Case("bicubic, corners", lambda x: F.interpolate(x, size=(9, 9), mode="bicubic", align_corners=True), (IMAGE,)),
    Case("bicubic, filtered", lambda x: F.interpolate(x, size=(3, 2), mode="bicubic", antialias=True), (IMAGE,)),
    Case("bilinear, filtered", lambda x: F.interpolate(x, size=(3, 2), mode="bilinear", antialias=True), (IMAGE,)),
    Case("unsafe_chunk", lambda x: torch.unsafe_chunk(x, 3, dim=2)[2] * 2, (X,)),
    Case("unsafe_split", lambda x: torch.unsafe_split(x, 3, dim=-1)[1] * 2, (X,)),
    Case("unsafe_split_with_sizes", lambda x: torch.unsafe_split_with_sizes(x, [1, 2], dim=1)[1] * 2, (X,)),
    Case("prelu of two axes", lambda x: F.prelu(x, WEIGHTS[0, :, 0]), (ROWS,)),
    Case("prelu of three axes", lambda x: F.prelu(x, WEIGHTS[:, 0, 0]), (X,)),
    Case("prelu with one slope", lambda x: F.prelu(x, WEIGHTS[0, 0, :1]), (X,)),
    Case("or", lambda x: ((x > 1) | (x < 0)).float(), (X,)),
    Case("xor", lambda x: ((x > 1) ^ (x < 0.5)).float(), (X,)),
    Case("histc", lambda x: torch.histc(x, bins=5, min=-1, max=1), (X,)),
    # Its export is refused by PyTorch itself, which expects bfloat16 there.
    Case("grouped_mm", grouped, (ROWS, np.array([2, 2, 5])), (Frontend.TRACE,)),
    Case("index_add", lambda x, i: x.index_add(0, i, x[:3], alpha=2), (ROWS, INDEX)),
    Case("index_copy", lambda x, i: x.index_copy(0, i, x[:3] * 2), (ROWS, INDEX)),
    Case("unfold", lambda x: x.unfold(1, 2, 1) * 2, (X,)),
    Case("unfold of the last axis", lambda x: x.unfold(-1, 3, 2) * 2, (X,)),
    Case("narrow at the very end", lambda x: x.narrow(-1, -1, 1) * 2, (X,)),
    Case("narrow up to the end", lambda x: torch.narrow(x, 1, torch.tensor(-2), 2) * 2, (X,)),
    Case("narrow before the end", lambda x: x.narrow(2, -5, 3) * x.narrow(2, 1, 3), (X,)),
    Case("narrow_copy", lambda x: torch.narrow_copy(x, -2, -3, 3) * 2, (X,)),
    Case("slices from the end", lambda x: x[..., -3:-1] * x[..., -20:2] + x[..., -1:] + x[:, -2:, -4:-2][:, :1], (X,)),
    # The trace of a tensor_split has no lowering: such a module is converted from its export.
    Case("parts up to the end", lambda x: x.tensor_split((-3, -1), -1)[1] * x.split(2, -1)[-1], (X,), ONLY_EXPORT),
    Case("rolled back", lambda x: x.roll((-1, 2), (-1, -2)) * 2 + x[..., [-1]] + x.select(-1, -8)[..., None], (X,)),
    Case("repeat_interleave", lambda x: x.repeat_interleave(3, dim=1) * 2, (X,)),
    Case("repeat_interleave of all", lambda x: x.repeat_interleave(2) * 2, (X,)),
    Case("pad that cuts", lambda x: F.pad(x, (2, -3, -1, 1), value=0.5), (X,)),
    Case("pad as coremltools does", lambda x: F.pad(x, (2, 1), mode="reflect"), (X,)),
    Case("reciprocal", lambda x: torch.reciprocal(x) + 1 / (x + 4), (X,)),
    Case("rsqrt of little", lambda x: torch.rsqrt(x * x * 1e-7 + 1e-9), (X,)),
    Case("cumsum from the end", lambda x: torch.cumsum(x, -2), (X,)),
    Case("cumsum of truth values", lambda x: torch.cumsum(x > 0, 1).float(), (X,)),
    Case("gelu by tanh", lambda x: F.gelu(x, approximate="tanh"), (X,)),
    Case("gelu", lambda x: F.gelu(x), (X,)),
    Case("rms_norm", lambda x: F.rms_norm(x, (8,), weight=WEIGHTS.reshape(-1)[:8], eps=1e-3), (X,)),
    Case("rms_norm of little", lambda x: F.rms_norm(x * 1e-3, (8,), eps=1e-6), (X,)),
    Case("triu of infinities", lambda x: torch.triu(-x.abs() / 0.0, 1).exp(), (X,)),
    Case("tril of infinities", lambda x: torch.tril(-x.abs() / 0.0, -1).exp(), (X,)),
    Case("triu of integers", lambda i: torch.triu(i[:, None] * i, 1) + torch.triu(i[:, None] * i, -1), (INDEX,)),
    Case("tril of truth values", lambda x: (torch.tril(x > 0, -2) | torch.tril(x > 1, 1)).float(), (X,)),
    Case("powers", lambda x: torch.pow(2, x) + x**2 + 3**x + torch.pow(x.abs(), 2 + x), (X,)),
    Case("angles in all quadrants and on all axes", lambda y, x: torch.atan2(y, x), (ANGLES[0], ANGLES[1])),
    Case("angles of one row with each number", lambda y, x: torch.atan2(y[:1], x), (ROWS, ROWS[::-1].copy())),
    Case("remainder by one", lambda x: x % 1 + x % 0.7, (X,)),
    Case("variance with a correction of two", lambda x: torch.var(x, (0, -1), correction=2), (X,)),
    Case("variances", lambda x: x.var(1, keepdim=True) * x.var() + x.var(1, keepdim=True, unbiased=False), (X,)),
    Case("deviation of all", lambda x: x / torch.std(x) + x / torch.std(x, unbiased=False), (X,)),
    Case("cosine of small vectors", lambda x: F.cosine_similarity(x * 1e-6, x[:1] * 1e-5, dim=-1), (X,)),
    Case("nearest by a broken factor", lambda x: F.interpolate(x, scale_factor=(1.7, 0.6), mode="nearest"), (IMAGE,)),
    Case("nearest by a whole factor", lambda x: F.interpolate(x, scale_factor=2, mode="nearest"), (IMAGE,)),
    Case("log_softmax far below", lambda x: (x * 200).log_softmax(1), (X,)),
    Case("softplus with a threshold", lambda x: F.softplus(x, beta=2, threshold=1) + F.softplus(x, beta=2), (X,)),
    Case("scatter of a number", lambda x, i: x.scatter(0, i[:, None].expand(3, 4), 1), (ROWS, INDEX)),
    Case("rows written at positions", lambda x, i: written(x, i, x[:, :3] * 2), (ROWS.T.copy(), INDEX), ONLY_EXPORT),
    Case("a number written at positions", lambda x, i: written(x, i, 2.0), (ROWS.T.copy(), INDEX), ONLY_EXPORT),
    Case("another name", lambda x: torch.multiply(x, torch.negative(x)), (X,)),
    Case("fourier", lambda x: torch.fft.fft(x.repeat(1, 1, 16), dim=-1).real, (X,)),
    Case("a scale and a shift of an image", lambda x: x * SCALE + 3 * SCALE, (IMAGE,)),
    Case("truth values by index", lambda x, i: (x > 0)[i].float(), (ROWS, INDEX)),
)
"""What coremltools 9.0 lacks, or gets wrong, as its lowering's docstring says."""

ROUTES = [(case, frontend) for case in CASES for frontend in case.frontends]


@pytest.mark.parametrize(("case", "frontend"), ROUTES, ids=[f"{each.name}-{route}" for each, route in ROUTES])
def test_a_lowering_agrees_with_pytorch(case: Case, frontend: Frontend, tmp_path: Path) -> None:
    sample = {f"x{number}": array for number, array in enumerate(case.inputs)}
    module = Called(case.function, len(case.inputs)).eval()
    parity = parity_of(module, sample, tmp_path, CoremlOptions(frontends=(frontend,)))
    assert parity.excess <= 1, parity


@pytest.mark.parametrize("frontend", [Frontend.TRACE, Frontend.EXPORT])
def test_no_power_has_the_base_two(frontend: Frontend, tmp_path: Path) -> None:
    """Core ML takes it for a square: apple/coremltools#2628. No run here can show that, so the program is read."""
    parity_of(Called(lambda x: 2**x, 1).eval(), {"x0": X}, tmp_path, CoremlOptions(frontends=(frontend,)))
    (package,) = tmp_path.glob("**/*.mlpackage")
    program = read_program(package)
    assert {"pow", "exp2"} & {each.type for each in program.functions["main"].body.ops} == {"exp2"}


def test_a_user_s_own_registration_stays() -> None:
    with quiet():
        from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY, register_torch_op

        from mlparity.targets.coreml.lowerings import register

        register()
        ours = _TORCH_OPS_REGISTRY.get_func("rsqrt")

        def rsqrt(context: object, node: object) -> None:
            raise AssertionError

        register_torch_op(rsqrt, override=True)
        try:
            register()
            assert _TORCH_OPS_REGISTRY.get_func("rsqrt") is rsqrt
        finally:
            _TORCH_OPS_REGISTRY.set_func_by_name(ours, "rsqrt")


def test_registering_twice_changes_nothing() -> None:
    with quiet():
        from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY

        from mlparity.targets.coreml.lowerings import register

        register()
        before = dict(_TORCH_OPS_REGISTRY.name_to_func_mapping)
        register()
        assert _TORCH_OPS_REGISTRY.name_to_func_mapping == before
