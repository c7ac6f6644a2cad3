"""Records the ops that a module runs on an example, below PyTorch's Python layers, and exports the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram, export
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx
from torch.utils._python_dispatch import TorchDispatchMode

_READ = torch.ops.aten._local_scalar_dense.default


def recorded(module: nn.Module, examples: tuple[Tensor, ...]) -> ExportedProgram:
    """Return a program of the ops that ran, with their writes into parts of tensors made explicit.

    It follows what the other routes stop at: branches on a tensor's value, `torch.autograd.Function`, data written
    into a view of a view. A value that Python reads out of a tensor is what it is in the example, as in a trace.
    """

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        with _ValuesRead():  # type: ignore[no-untyped-call]
            return tuple(module(*tensors))

    with torch.no_grad():
        graph_module = make_fx(run, tracing_mode="real")(*examples)
        program: ExportedProgram = export(graph_module, examples, strict=False).run_decompositions({})
    return program


class _ValuesRead(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Lets Python read a value while ops are recorded; the recorder alone refuses that."""

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an op; reading a value is not recorded."""
        del types
        if func is not _READ:
            return func(*args, **(kwargs if kwargs is not None else {}))
        with disable_proxy_modes_tracing():
            return func(*args)
