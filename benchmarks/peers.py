"""The runtimes of the benchmarks: each loads a network's file and returns a call that predicts for its sample."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.networks import NETWORKS, Sample

if TYPE_CHECKING:
    import torch

    from mlparity.core.session import Session

FOLDER = Path("build/bench/peers")

Call = Callable[[], list[np.ndarray]]
"""Runs one prediction and returns its outputs in order; what comes before and after a model is part of the call."""


def threads() -> int:
    """Return how many threads a peer may use."""
    return int(os.environ["OMP_NUM_THREADS"])


def sample_of(name: str) -> Sample:
    """Return the saved sample of a network."""
    with np.load(FOLDER / f"{name}.npz") as saved:
        return {key: saved[key] for key in saved.files}


def eager(name: str) -> Call:
    """PyTorch as it runs by default."""
    import torch

    torch.set_num_threads(threads())
    module = NETWORKS[name].build()
    sample = sample_of(name)

    def call() -> list[np.ndarray]:
        with torch.inference_mode():
            outputs = module(**{key: torch.from_numpy(value) for key, value in sample.items()})
        return [each.numpy() for each in _tensors(outputs)]

    return call


def _tensors(outputs: Any) -> list[torch.Tensor]:
    if isinstance(outputs, Mapping):
        outputs = tuple(outputs.values())
    return [each for each in outputs if each is not None] if isinstance(outputs, tuple) else [outputs]


def engine(name: str, precision: str) -> Call:
    """Our engine on the converted package."""
    from tests.loading import load_model

    model, sample = load_model(FOLDER / f"{name}_{precision}.mlpackage"), sample_of(name)
    return lambda: [np.asarray(each) for each in model.predict(sample).values()]


def engine_network(name: str) -> Call:
    """Our engine on the same source as a neural network, as on the CPU."""
    from mlparity.engine.numerics import FP32
    from tests.loading import load_model

    model, sample = load_model(FOLDER / f"{name}_network.mlmodel", FP32), sample_of(name)
    return lambda: [np.asarray(each) for each in model.predict(sample).values()]


def litert(name: str) -> Call:
    """LiteRT with XNNPACK."""
    from mlparity.targets.litert import session as backend

    return _session_call(backend.open(FOLDER / f"{name}.tflite", num_threads=threads()), name)


def onnxruntime(name: str) -> Call:
    """ONNX Runtime on the CPU."""
    from mlparity.targets.onnx import session as backend

    return _session_call(backend.open(FOLDER / f"{name}.onnx", num_threads=threads()), name)


def _session_call(session: Session, name: str) -> Call:
    sample = dict(zip((each.name for each in session.signature.inputs), sample_of(name).values(), strict=True))
    return lambda: list(session.run(sample).values())


def openvino(name: str) -> Call:
    """OpenVINO on the CPU, reading the ONNX file, in fp32: by itself it takes bf16 where the CPU has it."""
    import openvino as ov

    options = {
        "INFERENCE_NUM_THREADS": threads(),
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = ov.Core().compile_model(FOLDER / f"{name}.onnx", "CPU", options)
    request, sample = model.create_infer_request(), list(sample_of(name).values())
    return lambda: [np.array(each) for each in request.infer(sample, share_inputs=True).values()]


EAGER, OURS, OURS_TYPED, OUR_NETWORK = "PyTorch eager", "mlparity fp32", "mlparity fp16", "mlparity network"

PEERS: Mapping[str, Callable[[str], Call]] = {
    EAGER: eager,
    OURS: lambda name: engine(name, "fp32"),
    OURS_TYPED: lambda name: engine(name, "fp16"),
    OUR_NETWORK: engine_network,
    "LiteRT": litert,
    "ONNX Runtime": onnxruntime,
    "OpenVINO": openvino,
}


def prepare(name: str) -> None:
    """Convert once; later runs use the same files."""
    from mlparity.core.words import Precision
    from mlparity.targets.coreml import convert as coreml
    from mlparity.targets.litert import convert as litert
    from mlparity.targets.onnx import convert as onnx
    from tests.loading import load_source

    done = FOLDER / f"{name}.npz"
    if done.exists():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    sample = NETWORKS[name].sample()
    source = load_source(NETWORKS[name].build(), sample)
    files = {Precision.FP32: f"{name}_fp32.mlpackage", Precision.FP16: f"{name}_fp16.mlpackage"}
    for precision, file in (files | {Precision.NEURAL_NETWORK: f"{name}_network.mlmodel"}).items():
        converted = coreml.convert(source, sample, coreml.CoremlOptions(precision=precision))
        coreml.save(converted, FOLDER / file)
    litert.convert(source, sample, FOLDER / f"{name}.tflite")
    onnx.convert(source, sample, FOLDER / f"{name}.onnx")
    np.savez(done, **{key: sample[key] for key in source.input_names})  # type: ignore[arg-type]
