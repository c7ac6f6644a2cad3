"""The routes from a PyTorch module to something that coremltools reads."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram, export

from mlparity.core.lengths import Flexible
from mlparity.targets.coreml.form import CoremlForm
from mlparity.targets.coreml.options import Frontend
from mlparity.targets.exported.lengths import dynamic_shapes
from mlparity.targets.exported.ops import decompose_complex, prepare
from mlparity.targets.exported.plain_attention import plain_attention
from mlparity.targets.exported.recorded_run import recorded

Examples = tuple[Tensor, ...]
Loaded = torch.jit.ScriptModule | ExportedProgram


def order(flexible: Flexible) -> tuple[Frontend, ...]:
    """Return the routes in the order in which they are tried; a record of one run knows one shape alone."""
    exports = (Frontend.EXPORT, Frontend.DECOMPOSED)
    return (*exports, Frontend.TRACE) if flexible else (Frontend.TRACE, *exports, Frontend.RUN)


def traced(form: CoremlForm, examples: Examples) -> torch.jit.ScriptModule:
    """Return the module as TorchScript, with the ops that the example runs through."""
    trace: Any = torch.jit.trace  # untyped
    with torch.no_grad(), plain_attention(form):
        script = trace(form, examples, strict=False, check_trace=False)
    assert isinstance(script, torch.jit.ScriptModule)  # noqa: S101 - a module was given, so a module comes back
    return script


def writes_into_parts(script: torch.jit.ScriptModule) -> bool:
    """Tell whether a trace writes into views of tensors; coremltools follows simple cases and gets others wrong.

    `x[:, 0] = y` is a simple case. An op in place on a whole tensor (`relu_`) is not meant.
    """
    graph: Any = script.inlined_graph
    return any(
        node.kind().endswith("_") and not node.kind().endswith("__") and next(node.inputs()).node().kind() in _VIEWS
        for node in graph.nodes()
    )


def exported(form: CoremlForm, examples: Examples, flexible: Flexible) -> ExportedProgram:
    """Return the module as an exported program in functional ops, in a form that suits coremltools."""
    # For some failures PyTorch prints the whole graph on stderr, besides raising.
    with torch.no_grad(), plain_attention(form), redirect_stderr(io.StringIO()):
        shapes = dynamic_shapes([each.name for each in form.forms], flexible)
        by_position = None if shapes is None else (tuple(shapes.values()),)
        program = export(form, examples, dynamic_shapes=by_position, strict=False)
        functional = decompose_complex(program.run_decompositions({}))
    prepare(functional)
    return functional


def recorded_run(form: CoremlForm, examples: Examples) -> ExportedProgram:
    """Return the ops that ran on the example as an exported program, in a form that suits coremltools."""
    with plain_attention(form), redirect_stderr(io.StringIO()):
        program = decompose_complex(recorded(form, examples))
    prepare(program)
    return program


_VIEWS = frozenset(
    (
        "aten::as_strided",
        "aten::diagonal",
        "aten::expand",
        "aten::narrow",
        "aten::permute",
        "aten::select",
        "aten::slice",
        "aten::squeeze",
        "aten::transpose",
        "aten::unsqueeze",
        "aten::view",
    )
)
