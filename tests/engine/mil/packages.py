"""Small real packages for the tests of the reader and the runtime."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto

SHAPE = (1, 3, 16, 16)


class SmallNet(nn.Module):
    """A convolution, an activation, a pool, a concatenation and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = torch.relu(self.norm(self.conv(x)))
        pooled = torch.nn.functional.avg_pool2d(features, 16).flatten(1)
        largest = features.amax((2, 3))
        return torch.softmax(self.head(torch.cat([pooled, largest], 1)), -1)


def sample() -> np.ndarray:
    """Return one input."""
    return np.random.default_rng(0).random(SHAPE, dtype=np.float32)


def expected() -> np.ndarray:
    """Return the source's own output for `sample`."""
    with torch.no_grad():
        return SmallNet().eval()(torch.from_numpy(sample())).numpy()


def write_package(folder: Path, precision: str = "fp16") -> Path:
    """Convert `SmallNet` with coremltools and save it."""
    enable_coremltools()
    proto("Model")
    import coremltools as ct

    precisions = {"fp16": ct.precision.FLOAT16, "fp32": ct.precision.FLOAT32}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # coremltools and tracing warn of their own future
        traced = torch.jit.trace(SmallNet().eval(), torch.from_numpy(sample()))
        model = ct.convert(
            traced,
            inputs=[ct.TensorType("x", SHAPE, dtype=np.float32)],
            outputs=[ct.TensorType("y", dtype=np.float32)],
            minimum_deployment_target=ct.target.iOS16,
            compute_precision=precisions[precision],
            skip_model_load=True,
        )
    path = folder / f"small_{precision}.mlpackage"
    model.save(str(path))
    return path


def write_flow_package(folder: Path) -> Path:
    """Save a program with a branch, a loop, a list and a state; it takes the same `x` as `SmallNet`."""
    enable_coremltools()
    proto("Model")
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

    weights = np.linspace(-1, 1, SHAPE[-1], dtype=np.float16)

    @mb.program(
        input_specs=[mb.TensorSpec(SHAPE, dtype=types.fp16), mb.StateTensorSpec(SHAPE[-1:], dtype=types.fp16)],
        opset_version=ct.target.iOS18,
    )
    def program(x: object, total: object) -> object:
        rows = mb.reduce_mean(x=x, axes=[0, 1, 2])
        kept = mb.make_list(init_length=2, elem_shape=SHAPE[-1:], dtype="fp16")

        def goes_on(count: object, _: object) -> object:
            return mb.less(x=count, y=3)

        def body(count: object, held: object) -> tuple[object, object]:
            return mb.add(x=count, y=1), mb.list_write(ls=held, index=count, value=mb.mul(x=rows, y=weights))

        _, kept = mb.while_loop(_cond=goes_on, _body=body, loop_vars=(0, kept))
        gathered = mb.reduce_sum(x=mb.list_gather(ls=kept, indices=[0, 2]), axes=[0])
        is_positive = mb.greater(x=mb.reduce_mean(x=rows, keep_dims=False), y=np.float16(0))
        chosen = mb.cond(
            pred=is_positive,
            _true_fn=lambda: mb.add(x=gathered, y=weights),
            _false_fn=lambda: mb.sub(x=gathered, y=weights),
        )
        y = mb.add(x=chosen, y=mb.read_state(input=total), name="y")
        mb.coreml_update_state(state=total, value=y)
        return y

    path = folder / "flow.mlpackage"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ct.convert(program, minimum_deployment_target=ct.target.iOS18, skip_model_load=True).save(str(path))
    return path


def write_kernel_package(folder: Path) -> Path:
    """Save a program for each of our own kernels; it takes the same `x` as `SmallNet`."""
    enable_coremltools()
    proto("Model")
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import types

    random = np.random.default_rng(0)

    def weight(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) / 4).astype(np.float16)

    @mb.program(input_specs=[mb.TensorSpec(SHAPE, dtype=types.fp16)], opset_version=ct.target.iOS17)
    def program(x: object) -> object:
        wide = mb.relu(x=mb.conv(x=x, weight=weight(80, 3, 1, 1), pad_type="valid"))
        deep = mb.conv(x=wide, weight=weight(80, 1, 3, 3), groups=80, pad_type="custom", pad=[1, 1, 1, 1])
        rows = mb.reshape(x=deep, shape=(5, 16, 256))
        scores = mb.matmul(x=rows, y=rows, transpose_x=True, transpose_y=False)
        steps = mb.reshape(x=mb.reduce_mean(x=scores, axes=[1]), shape=(5, 1, 256))
        start = np.zeros((1, 20), np.float16)
        weights = {"weight_ih": weight(80, 256), "weight_hh": weight(80, 20), "bias": weight(80)}
        _, last, _ = mb.lstm(x=steps, initial_h=start, initial_c=start, **weights)
        return mb.linear(x=last, weight=weight(4, 20), bias=weight(4), name="y")

    path = folder / "kernels.mlpackage"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ct.convert(program, minimum_deployment_target=ct.target.iOS17, skip_model_load=True).save(str(path))
    return path


WRITERS = (write_package, write_flow_package, write_kernel_package)
"""What writes the packages that are mutated."""
