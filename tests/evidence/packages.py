"""Packages of a few ops, written by coremltools' builder."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto

DTYPES = {"fp16": np.float16, "fp32": np.float32}


def write(folder: Path, build: Callable[..., object], shapes: Sequence[tuple[int, ...]], precision: str) -> Path:
    """Save what `build(mb, x0, x1, ...)` returns as a package for iOS18; inputs, weights and output are of `precision`.

    No pass changes the program.
    """
    enable_coremltools()
    proto("Model")
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

    kind = {"fp16": types.fp16, "fp32": types.fp32}[precision]
    typed = _Typed(mb, DTYPES[precision])
    specs = [mb.TensorSpec(shape, dtype=kind) for shape in shapes]
    names = [f"x{i}" for i in range(len(shapes))]
    # The builder reads the inputs' names from the function's signature.
    function = eval(f"lambda {', '.join(names)}: build(typed, {', '.join(names)})", {"build": build, "typed": typed})
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):  # its progress bars
        warnings.simplefilter("ignore")  # coremltools warns of its own future
        made = mb.program(input_specs=specs, opset_version=ct.target.iOS18)(function)
        model = ct.convert(
            made,
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS18,
            pass_pipeline=ct.PassPipeline.EMPTY,
            skip_model_load=True,
        )
    path = folder / "case.mlpackage"
    model.save(str(path))
    return path


class _Typed:
    """The builder, with floating arrays cast to the program's type."""

    def __init__(self, builder: object, dtype: type) -> None:
        self._builder, self._dtype = builder, dtype

    def __getattr__(self, name: str) -> Callable[..., object]:
        op = getattr(self._builder, name)
        return lambda **inputs: op(**{key: self._cast(value) for key, value in inputs.items()})

    def _cast(self, value: object) -> object:
        if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f":
            return value.astype(self._dtype)
        return value
