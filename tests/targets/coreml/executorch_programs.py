"""The `.pte` files of the tests, made by ExecuTorch: `python -m tests.targets.coreml.executorch_programs` (its extra).

The files in `programs/` were made so, on Linux, by ExecuTorch 1.5.1 with coremltools 9.0 and torch 2.13.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

FOLDER = Path(__file__).with_name("programs")


class TwoInputs(nn.Module):
    """Uses its second input first, so that the names do not stand in the order of use."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)
        with torch.no_grad():
            for count, weight in enumerate(self.parameters()):
                weight.copy_(torch.linspace(-1, 1 + count, weight.numel()).reshape(weight.shape) * factor)

    def forward(self, late: Tensor, early: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.relu(self.first(early))
        return hidden * 2, self.second(hidden) + late


class Split(nn.Module):
    """Has an op in the middle that is left outside of Core ML."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.erf(torch.relu(x) * 2).cumsum(1).exp() + 1


class Ids(nn.Module):
    """Takes whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)
        with torch.no_grad():
            self.table.weight.copy_(torch.linspace(-2, 2, 40).reshape(10, 4))

    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids).mean(1)


class Counting(nn.Module):
    """Keeps a state."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(1, 4))
        self.total: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.total.add_(x)
        return self.total * 2


PAIR = (torch.zeros(2, 3), torch.zeros(2, 4))


def _partitioner(**options: object) -> object:
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner

    return CoreMLPartitioner(**options)


def _lowered(programs: object, partitioners: list[object]) -> bytes:
    from executorch.exir import to_edge_transform_and_lower

    return bytes(to_edge_transform_and_lower(programs, partitioner=partitioners).to_executorch().buffer)


def _exported(module: nn.Module, inputs: tuple[Tensor, ...]) -> object:
    return torch.export.export(module.eval(), inputs)


def _in_fp32(target: str = "iOS17") -> object:
    import coremltools as ct
    from executorch.backends.apple.coreml.compiler import CoreMLBackend

    specs = CoreMLBackend.generate_compile_specs(
        compute_precision=ct.precision.FLOAT32, minimum_deployment_target=ct.target[target]
    )
    return _partitioner(compile_specs=specs, take_over_mutable_buffer=target == "iOS18")


def _two_methods() -> bytes:
    import coremltools as ct
    from executorch.backends.apple.coreml.compiler import CoreMLBackend

    specs = CoreMLBackend.generate_compile_specs(minimum_deployment_target=ct.target.iOS18)
    programs = {"first": _exported(TwoInputs(), PAIR), "second": _exported(TwoInputs(2.0), PAIR)}
    return _lowered(programs, [_partitioner(compile_specs=specs)])


MAKERS: Mapping[str, Callable[[], bytes]] = {
    "whole": lambda: _lowered(_exported(TwoInputs(), PAIR), [_partitioner()]),
    "in_fp32": lambda: _lowered(_exported(TwoInputs(), PAIR), [_in_fp32()]),
    "parts": lambda: _lowered(
        _exported(Split(), (torch.zeros(2, 4),)), [_partitioner(skip_ops_for_coreml_delegation=["aten.cumsum.default"])]
    ),
    "methods": _two_methods,
    "ids": lambda: _lowered(_exported(Ids(), (torch.zeros(2, 5, dtype=torch.int64),)), [_partitioner()]),
    "state": lambda: _lowered(_exported(Counting(), (torch.zeros(1, 4),)), [_in_fp32("iOS18")]),
    "portable": lambda: _lowered(_exported(Split(), (torch.zeros(2, 4),)), []),
}
"""What makes each file."""


def main() -> None:
    """Write the files."""
    for name, make in MAKERS.items():
        (FOLDER / f"{name}.pte").write_bytes(make())


if __name__ == "__main__":
    main()
