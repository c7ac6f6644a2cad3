"""The usual files beside fp32, made of a `.tflite` file by Google's quantiser (ai-edge-quantizer)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from mlparity.core.errors import BackendUnavailableError, ConversionError
from mlparity.core.regular_files import LARGE, read_regular
from mlparity.core.session import Sample
from mlparity.core.user_code import said
from mlparity.core.writing import written_beside
from mlparity.targets.compressor import CompressionRequest
from mlparity.targets.litert.quiet_converter import quiet

_FP16 = [
    {
        "regex": ".*",
        "operation": "*",
        "algorithm_key": "float_casting",
        "op_config": {
            "weight_tensor_config": {"num_bits": 16, "dtype": "FLOAT"},
            "compute_precision": "FLOAT",
            "explicit_dequantize": True,
        },
    }
]
"""Weights in fp16, expanded before use; the quantiser names no such recipe.

Source: ai_edge_quantizer 0.10, algorithms/nonlinear_quantize/float_casting.py.
"""


_RECIPES: Mapping[str, Callable[[Any], Any]] = {
    "int8": lambda aeq: aeq.recipe.weight_only_wi8_afp32(),
    "dynamic_range": lambda aeq: aeq.recipe.dynamic_wi8_afp32(),
    "full_int8": lambda aeq: aeq.recipe.static_wi8_ai8(),
    "fp16_weights": lambda _: _FP16,
}


def compress(request: CompressionRequest) -> Mapping[str, str]:
    """Write the quantised file.

    Raises:
        ConversionError: the quantiser refuses.
        BackendUnavailableError: it is not installed.
        OutputError: the file cannot be written.
    """
    if find_spec("ai_edge_quantizer") is None:
        raise BackendUnavailableError("ai-edge-quantizer is not installed", next_step="pip install 'mlparity[litert]'")
    name, before = request.compression.name, read_regular(request.base, limit=LARGE)
    with _refused(name), quiet():
        content = _quantised(request)
    if content == before:
        raise ConversionError(
            f"{name} left the file as it is",
            expected="ops with weights that the quantiser knows",
            next_step="verify the model without it, or choose another compression",
        )
    with written_beside(request.path, "the TFLite file") as beside:
        beside.write_bytes(content)
    calibrated = {"calibration_samples": str(len(request.samples))} if name == "full_int8" else {}
    return {"compression": name, "ai-edge-quantizer": version("ai-edge-quantizer"), **calibrated}


def _quantised(request: CompressionRequest) -> bytes:
    import ai_edge_quantizer as aeq

    quantizer = aeq.quantizer.Quantizer(str(request.base))
    quantizer.load_quantization_recipe(_RECIPES[request.compression.name](aeq))
    found = None
    if quantizer.need_calibration:
        found = quantizer.calibrate(_signatures(request), num_threads=1)
    return bytes(quantizer.quantize(found).quantized_model)


def _signatures(request: CompressionRequest) -> dict[str, Sequence[Sample]]:
    """Return the samples by the signatures of a file that take their shapes, under the names of these."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(request.base))
    found: dict[str, Sequence[Sample]] = {}
    for key in interpreter.get_signature_list():
        details = interpreter.get_signature_runner(key).get_input_details()
        fitting = [_named(sample, details, request.input_names) for sample in request.samples]
        found[key] = [each for each in fitting if all(each[n].shape == tuple(details[n]["shape"]) for n in details)]
    return found


def _named(sample: Sample, details: Mapping[str, Any], names: Sequence[str]) -> dict[str, np.ndarray]:
    own = list(details) if set(details) != set(names) else list(names)
    return {mine: sample[name].astype(details[mine]["dtype"]) for mine, name in zip(own, names, strict=True)}


@contextmanager
def _refused(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the quantiser raises any type
        raise ConversionError(
            f"LiteRT's quantiser refuses {name}", found=said(error), next_step="choose another compression"
        ) from error
