"""Exports TorchScript ahead of a converter, in ops that converters know."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram


def exported_script(module: nn.Module, inputs: tuple[Tensor, ...], named: Mapping[str, Tensor]) -> ExportedProgram:
    """Return a module of TorchScript as an exported program; `inputs` come by position, `named` ones by name."""
    for parameter in module.parameters():
        # TorchScript hands parameters out as plain tensors; export asks isinstance(tensor, nn.Parameter), and that
        # reads this flag. Source: torch/nn/parameter.py.
        parameter._is_param = True
    program = torch.export.export(module, inputs, dict(named))
    plain: ExportedProgram = program.run_decompositions({torch.ops.aten._convolution.default: _plain_convolution})
    return plain


def _plain_convolution(*arguments: object) -> object:
    """Drop the last four arguments of TorchScript's convolution: they choose kernels, and change no value's meaning."""
    return torch.ops.aten.convolution.default(*arguments[:9])
