"""How the corpus makes its artifacts: by coremltools alone, with none of mlparity's corrections, in its own process."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import coremltools as ct
import coremltools.optimize as cto
import numpy as np
import torch
from coremltools.converters.mil import Builder as mb
from torch import nn

from mlparity.core.session import Sample
from tests.faults.fault import Make

FP16, FP32 = ct.precision.FLOAT16, ct.precision.FLOAT32


def plain(precision: Any = FP32, *, export: bool = False, kept: Callable[[Any], bool] | None = None) -> Make:
    """Return a maker that converts the source as it is; `kept` selects ops that stay fp32."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        chosen = precision if kept is None else ct.transform.FP16ComputePrecision(op_selector=lambda op: not kept(op))
        convert(module, sample, chosen, export).save(str(path))

    return make


def changed(change: Callable[[Any], nn.Module | None], precision: Any = FP32, *, export: bool = False) -> Make:
    """Return a maker that converts a changed copy of the source: the fault is in the change."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        other = copy.deepcopy(module)
        result = change(other)
        convert(other if result is None else result, sample, precision, export).save(str(path))

    return make


def reinput(change: Callable[[torch.Tensor], torch.Tensor], precision: Any = FP32) -> Make:
    """Return a maker whose artifact changes its input before the network sees it."""
    return changed(lambda module: _Changed(module, change, lambda y: y).eval(), precision)


def reoutput(change: Callable[[torch.Tensor], torch.Tensor], precision: Any = FP32) -> Make:
    """Return a maker whose artifact changes the network's output."""
    return changed(lambda module: _Changed(module, lambda x: x, change).eval(), precision)


class _Changed(nn.Module):
    def __init__(self, inner: nn.Module, before: Callable[..., Any], after: Callable[..., Any]) -> None:
        super().__init__()
        self.inner, self.before, self.after = inner, before, after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.inner(self.before(x)))


def palettised(bits: int) -> Make:
    """Return a maker that stores the weights with `bits` bits each."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        config = cto.coreml.OptimizationConfig(
            cto.coreml.OpPalettizerConfig(mode="uniform", nbits=bits, weight_threshold=16)
        )
        cto.coreml.palettize_weights(convert(module, sample, FP32, export=False), config).save(str(path))

    return make


def quantised() -> Make:
    """Return a maker that stores the weights in int8 with one scale for a whole tensor."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        how = cto.coreml.OpLinearQuantizerConfig(mode="linear", granularity="per_tensor", weight_threshold=16)
        config = cto.coreml.OptimizationConfig(how)
        cto.coreml.linear_quantize_weights(convert(module, sample, FP32, export=False), config).save(str(path))

    return make


def convert(module: nn.Module, sample: Sample, precision: Any, export: bool) -> Any:
    values = tuple(torch.from_numpy(each) for each in sample.values())
    # coremltools knows none of the fused ops of attention.
    with torch.no_grad(), _op_by_op():
        if export:
            loaded = torch.export.export(module, values).run_decompositions({})
        else:
            loaded = torch.jit.trace(module, values, check_trace=False)
    inputs = [ct.TensorType(name, shape=each.shape, dtype=_dtype(each)) for name, each in sample.items()]
    return ct.convert(
        loaded,
        inputs=inputs,
        outputs=[ct.TensorType("output", dtype=np.float32)],
        compute_precision=precision,
        minimum_deployment_target=ct.target.iOS18,
        skip_model_load=True,
    )


@contextmanager
def _op_by_op() -> Iterator[None]:
    known = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(known)


def _dtype(array: np.ndarray) -> type:
    return np.int32 if array.dtype.kind == "i" else np.float32


def program(build: Callable[..., Any], precision: Any = None) -> Make:
    """Return a maker that writes a program op by op; `build(x)` returns the output."""

    def make(module: nn.Module, sample: Sample, path: Path) -> None:
        shape = sample["x"].shape

        @mb.program(input_specs=[mb.TensorSpec(shape=shape)], opset_version=ct.target.iOS17)
        def written(x: Any) -> Any:
            return mb.identity(x=build(module, x), name="output")

        model = ct.convert(
            written,
            compute_precision=precision if precision is not None else FP32,
            minimum_deployment_target=ct.target.iOS17,
            skip_model_load=True,
            pass_pipeline=ct.PassPipeline.EMPTY if precision is None else ct.PassPipeline.DEFAULT,
        )
        model.save(str(path))

    return make
