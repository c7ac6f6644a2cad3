"""The routes from a PyTorch module to something that coremltools reads."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stderr
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram, export

from mlparity.convert.coreml_form import CoremlForm
from mlparity.convert.coreml_options import FlexibleDim, Frontend
from mlparity.convert.exported_constants import fold_constants
from mlparity.convert.exported_ops import use_common_names

Examples = tuple[Tensor, ...]
Flexible = Mapping[str, Mapping[int, FlexibleDim]]
Loaded = torch.jit.ScriptModule | ExportedProgram


def order(flexible: Flexible) -> tuple[Frontend, ...]:
    """Return the routes in the order in which they are tried."""
    exports = (Frontend.EXPORT, Frontend.DECOMPOSED)
    return (*exports, Frontend.TRACE) if flexible else (Frontend.TRACE, *exports)


def traced(form: CoremlForm, examples: Examples) -> torch.jit.ScriptModule:
    """Return the module as TorchScript, with the ops that the example runs through."""
    trace: Any = torch.jit.trace  # untyped
    with torch.no_grad():
        script = trace(form, examples, strict=False, check_trace=False)
    assert isinstance(script, torch.jit.ScriptModule)  # noqa: S101 - a module was given, so a module comes back
    return script


def exported(form: CoremlForm, examples: Examples, flexible: Flexible) -> ExportedProgram:
    """Return the module as an exported program in functional ops, with its constants computed."""
    # For some failures PyTorch prints the whole graph on stderr, besides raising.
    with torch.no_grad(), redirect_stderr(io.StringIO()):
        program = export(form, examples, dynamic_shapes=_dynamic_shapes(form, flexible), strict=False)
        functional: ExportedProgram = program.run_decompositions({})
    use_common_names(functional)
    fold_constants(functional)
    return functional


def _dynamic_shapes(form: CoremlForm, flexible: Flexible) -> tuple[Any, ...] | None:
    if not flexible:
        return None
    known: dict[str, Any] = {}
    per_input = []
    for each in form.forms:
        dims = {}
        for axis, dim in flexible.get(each.name, {}).items():
            symbol = dim.symbol_of(each.name, axis)
            dims[axis] = known.setdefault(symbol, Dim(symbol, min=dim.lower, max=dim.upper))
        per_input.append(dims if dims else None)
    return (tuple(per_input),)
