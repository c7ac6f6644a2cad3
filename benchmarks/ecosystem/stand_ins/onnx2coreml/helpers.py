"""Stands in for the helpers of onnx2coreml's tests, which its source archive lacks; names as the tests use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx2coreml
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def requires_predict(test: Any) -> Any:
    """Leave no test out: predictions are what is tried."""
    return test


def _has_coreml_runtime() -> bool:
    return True


def single_op_model(
    op: str,
    inputs: Mapping[str, np.ndarray],
    attrs: Mapping[str, Any] | None = None,
    initializers: Mapping[str, np.ndarray] | None = None,
    opset: int = 17,
    n_outputs: int = 1,
) -> onnx.ModelProto:
    """Return a model of one node that reads the inputs and then the initializers."""
    constants = initializers or {}
    outputs = ["Y"] if n_outputs == 1 else [f"Y{index}" for index in range(n_outputs)]
    node = helper.make_node(op, [*inputs, *constants], outputs, **(attrs or {}))
    graph = helper.make_graph(
        [node],
        "graph",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in inputs.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = min(model.ir_version, 10)
    return _inferred(model)


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model whose outputs have the types and shapes that follow where it leaves them open."""
    known = onnx.ModelProto()
    known.CopyFrom(model)
    for output in known.graph.output:
        if output.type.tensor_type.elem_type == TensorProto.UNDEFINED:
            output.ClearField("type")
    return onnx.shape_inference.infer_shapes(known)


def run_onnxruntime(model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> Sequence[np.ndarray]:
    """Return what ONNX Runtime gives; types that the model leaves open are inferred."""
    session = onnxruntime.InferenceSession(_inferred(model).SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = {each.name for each in session.get_inputs()}
    return session.run(None, {name: array for name, array in inputs.items() if name in wanted})


def _predict(mlmodel: Any, model: onnx.ModelProto, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    constants = {each.name for each in model.graph.initializer}
    names = [each.name for each in model.graph.input if each.name not in constants]
    description = mlmodel.get_spec().description
    given = {own.name: inputs[name] for own, name in zip(description.input, names, strict=False)}
    found = mlmodel.predict(given)
    return [np.asarray(found[own.name]) for own in description.output]


def assert_parity(
    model: onnx.ModelProto,
    inputs: Mapping[str, np.ndarray],
    fmt: str = "mlpackage",
    rtol: float = 1e-3,
    atol: float = 1e-4,
    dtype: object = None,
    **options: Any,
) -> None:
    """Convert in fp32, and compare Core ML's outputs with ONNX Runtime's."""
    del dtype
    model = _inferred(model)
    made = onnx2coreml.convert(model, format=fmt, compute_precision="fp32", compute_units="cpu_only", **options)
    expected, found = run_onnxruntime(model, inputs), _predict(made, model, inputs)
    assert len(expected) == len(found)
    for wanted, own in zip(expected, found, strict=True):
        kinds = np.asarray(wanted, np.float64), np.asarray(own, np.float64)
        assert kinds[1].shape == kinds[0].shape  # tests that are to fail name the rank that Core ML lacks
        np.testing.assert_allclose(kinds[1], kinds[0], rtol=rtol, atol=atol)
