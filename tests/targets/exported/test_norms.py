from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.export import export

from mlparity.targets.exported.norms import without_norms

NORM = torch.ops.aten.batch_norm.default


def norm(kind: type[nn.Module], channels: int, **options: bool) -> nn.Module:
    """A norm with numbers as after training, one variance almost 0."""
    random = torch.Generator().manual_seed(0)
    made = kind(channels, **options)
    if made.running_mean is not None:
        made.running_mean = torch.randn(channels, generator=random)
        made.running_var = torch.rand(channels, generator=random)
        made.running_var[0] = 1e-12
    if made.weight is not None:
        made.weight.data = torch.randn(channels, generator=random)
        made.bias.data = torch.randn(channels, generator=random)
    return made


class Shared(nn.Module):
    """The convolution's result is read by the norm and by the output."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 1), norm(nn.BatchNorm2d, 4)

    def forward(self, x: Tensor) -> Tensor:
        before = self.convolution(x)
        return before + self.norm(before)


class Twice(nn.Module):
    """One convolution, two norms: each needs weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 1, bias=False)
        self.first, self.second = norm(nn.BatchNorm2d, 3), norm(nn.BatchNorm2d, 3, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.convolution(self.first(self.convolution(x))))


IMAGE = (2, 3, 5, 5)
NETWORKS = {
    "convolution without a bias": (nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), norm(nn.BatchNorm2d, 4)), IMAGE),
    "convolution with a bias": (nn.Sequential(nn.Conv2d(3, 4, 3), norm(nn.BatchNorm2d, 4)), IMAGE),
    "grouped convolution": (nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), norm(nn.BatchNorm2d, 6)), IMAGE),
    "one axis": (nn.Sequential(nn.Conv1d(3, 4, 3), norm(nn.BatchNorm1d, 4)), (2, 3, 7)),
    "three axes": (nn.Sequential(nn.Conv3d(3, 4, 1), norm(nn.BatchNorm3d, 4)), (2, 3, 2, 2, 2)),
    "transposed convolution": (nn.Sequential(nn.ConvTranspose2d(3, 4, 3), norm(nn.BatchNorm2d, 4)), IMAGE),
    "norm first": (nn.Sequential(norm(nn.BatchNorm2d, 3), nn.ReLU()), IMAGE),
    "norm of a table": (nn.Sequential(nn.Linear(5, 3), norm(nn.BatchNorm1d, 3)), (4, 5)),
    "norm without weights": (nn.Sequential(nn.Conv2d(3, 4, 1), norm(nn.BatchNorm2d, 4, affine=False)), IMAGE),
    "result read twice": (Shared(), IMAGE),
    "weights used twice": (Twice(), IMAGE),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_without_norms_computes_the_same(name: str) -> None:
    module, shape = NETWORKS[name]
    inputs = (torch.randn(shape, generator=torch.Generator().manual_seed(1)),)
    with torch.no_grad():
        program = without_norms(export(module.eval(), inputs), inputs)
        found = program.module()(*inputs)
        expected = copy.deepcopy(module).double()(inputs[0].double())
    assert all(node.target is not NORM for node in program.graph.nodes)
    assert float((found - expected).abs().max()) <= 2e-6 * float(expected.abs().max())


def test_a_norm_that_measures_its_own_statistics_stays() -> None:
    inputs = (torch.randn(IMAGE),)
    program = export(norm(nn.BatchNorm2d, 3, track_running_stats=False).eval(), inputs)
    assert without_norms(program, inputs) is program


def test_the_source_keeps_its_weights() -> None:
    conv = nn.Conv2d(3, 4, 3)
    module = nn.Sequential(conv, norm(nn.BatchNorm2d, 4)).eval()
    before = conv.weight.clone()
    inputs = (torch.randn(IMAGE),)
    without_norms(export(module, inputs), inputs)
    assert torch.equal(conv.weight, before)
