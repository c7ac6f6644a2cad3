"""Conversions to Core ML as scripts of plain coremltools, the smallest change first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mlparity.core.words import Precision
from mlparity.targets.coreml.options import LOWEST_TARGET
from mlparity.targets.recipe import InputCode, Recipe, RecipeRequest, head_of

_FILE, _SCRIPT = "fixed.mlpackage", "fix.py"


@dataclass(frozen=True, slots=True)
class _Route:
    """One way from the module to coremltools: code that makes `loaded`, and a deployment target."""

    change: str
    loaded: str
    target: str


_TRACE = "loaded = torch.jit.trace(model, example, strict=False)"
_BY_PARTS = f"torch.backends.mha.set_fastpath_enabled(False)\n{_TRACE}"
_EXPORT = "loaded = torch.export.export(model, example).run_decompositions({})"
_IN_CORE_OPS = "loaded = torch.export.export(model, example).run_decompositions()"


def coreml_recipes(request: RecipeRequest) -> Iterator[Recipe]:
    """Yield scripts that convert a source again: by a trace, by an export, and for other deployment targets."""
    for route in _routes(request.deployment_target, request.has_fast_path):
        call = _call(request, route)
        head = head_of(request, _SCRIPT, ("import coremltools as ct",))
        yield Recipe(route.change, request.precision, _FILE, call, f'{head}{call}converted.save(HERE / "{_FILE}")\n')


def _routes(asked: str | None, has_fast_path: bool) -> Iterator[_Route]:
    target = asked or LOWEST_TARGET
    if has_fast_path:
        # First: the ops of the fast path are none that coremltools knows.
        yield _Route("converted again, by torch.jit.trace without PyTorch's fast path", _BY_PARTS, target)
    yield _Route("converted again, by torch.jit.trace", _TRACE, target)
    yield _Route("converted again, by torch.export", _EXPORT, target)
    # PyTorch takes apart ops that coremltools does not know, such as index_add; those that it knows, too.
    yield _Route("converted again, by torch.export in core ops", _IN_CORE_OPS, target)
    if asked is None:
        for other in ("iOS18", "iOS15"):
            yield _Route(f"converted again, for {other}", _TRACE, other)
            yield _Route(f"converted again, by torch.export for {other}", _EXPORT, other)


def _call(request: RecipeRequest, route: _Route) -> str:
    inputs = "".join(f"        {_input(spec, request)},\n" for spec in request.inputs)
    outputs = "".join(
        f'        ct.TensorType(name="{name}", dtype=np.{"float32" if is_float else "int32"}),\n'
        for name, is_float in request.outputs
    )
    precision = "compute_precision" if request.selector else f"ct.precision.{_PRECISIONS[request.precision]}"
    selector = f"{request.selector.removeprefix('import coremltools as ct').strip()}\n" if request.selector else ""
    return (
        f"{selector}{route.loaded}\n"
        "converted = ct.convert(\n"
        "    loaded,\n"
        f"    inputs=[\n{inputs}    ],\n"
        f"    outputs=[\n{outputs}    ],\n"
        f"    compute_precision={precision},\n"
        f"    minimum_deployment_target=ct.target.{route.target},\n"
        "    skip_model_load=True,\n"
        ")\n"
    )


_PRECISIONS = {Precision.FP32: "FLOAT32", Precision.FP16: "FLOAT16"}


def _input(spec: InputCode, request: RecipeRequest) -> str:
    if spec.name in request.images:
        # The source takes the pixels themselves, 0 to 255: whatever it does to them is part of it.
        layout = "GRAYSCALE" if spec.shape[1] == 1 else "RGB"
        return f'ct.ImageType(name="{spec.name}", shape={spec.shape}, color_layout=ct.colorlayout.{layout})'
    kind = "float32" if np.dtype(spec.dtype).kind == "f" else "int32"
    return f'ct.TensorType(name="{spec.name}", shape={spec.shape or (1,)}, dtype=np.{kind})'
