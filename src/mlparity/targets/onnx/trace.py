"""The values of every node of an `.onnx` file on one sample, and what ONNX's reference implementation gives."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.core.errors import BackendUnavailableError, ExecutionError
from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.core.regular_files import LARGE, check_regular
from mlparity.core.session import Outputs, Sample


def trace(path: Path, sample: Sample) -> GraphTrace:
    """Return what each node gives on a sample: all values become outputs of a copy of the program.

    Raises:
        ExecutionError: ONNX Runtime fails.
        BackendUnavailableError: onnx is not installed.
    """
    model = _loaded(path)
    constants = {each.name: _array(each) for each in model.graph.initializer}
    own = [each.name for each in model.graph.output]
    nodes = [each for each in model.graph.node if each.op_type != "Constant"]
    for each in model.graph.node:
        if each.op_type == "Constant":
            constants[each.output[0]] = _constant(each)
    names = list(dict.fromkeys(name for node in nodes for name in node.output if name))
    made = _run_all(model, [name for name in names if name not in own], sample, path)
    inputs = {each.name: each.name for each in model.graph.input if each.name not in constants}
    values = {**constants, **{name: sample[name] for name in inputs if name in sample}, **made}
    ops = tuple(
        GraphOp(each.op_type, _name(each), tuple(filter(None, each.input)), tuple(each.output)) for each in nodes
    )
    return GraphTrace(ops, values, frozenset(constants), inputs, {name: name for name in own})


def run_by_reference(path: Path, sample: Sample) -> Outputs:
    """Return what ONNX's own reference implementation gives for the same file.

    Raises:
        ExecutionError: it lacks an op, or fails.
        BackendUnavailableError: onnx is not installed.
    """
    model = _loaded(path)
    from onnx.reference import ReferenceEvaluator

    try:
        results = ReferenceEvaluator(model).run(None, dict(sample))
    except Exception as error:
        raise ExecutionError("ONNX's reference failed", where=str(path), found=str(error)) from error
    names = (each.name for each in model.graph.output)
    return {name: np.asarray(each) for name, each in zip(names, results, strict=True)}


def _loaded(path: Path) -> Any:
    if find_spec("onnx") is None:
        raise BackendUnavailableError("onnx is not installed", next_step="pip install 'mlparity[onnx]'")
    import onnx

    return onnx.load(str(check_regular(path, limit=LARGE)))


def _array(tensor: Any) -> np.ndarray:
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor))


def _constant(node: Any) -> np.ndarray:
    from onnx import TensorProto, helper

    value = helper.get_attribute_value(node.attribute[0])
    return _array(value) if isinstance(value, TensorProto) else np.asarray(value)


def _name(node: Any) -> str:
    return str(node.name or node.output[0])


def _run_all(model: Any, names: Sequence[str], sample: Sample, path: Path) -> Outputs:
    """Run without optimisations, so that no value is fused away."""
    import onnx
    import onnxruntime

    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only: errors come as exceptions
    try:
        runner = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        results = runner.run(None, dict(sample))
    except Exception as error:
        raise ExecutionError("ONNX Runtime failed", where=str(path), found=str(error)) from error
    return {each.name: np.asarray(result) for each, result in zip(runner.get_outputs(), results, strict=True)}
