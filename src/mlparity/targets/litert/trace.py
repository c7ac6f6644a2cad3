"""The values of every op of a `.tflite` file on one sample, and what its reference kernels give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.core.errors import ExecutionError
from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.core.quiet import quiet_stderr
from mlparity.core.session import Outputs, Sample
from mlparity.targets.litert import session
from mlparity.targets.litert.quantized import scale_of

_DELEGATE = "DELEGATE"


def trace(path: Path, input_names: tuple[str, ...], output_names: tuple[str, ...], sample: Sample) -> GraphTrace:
    """Return what each op gives on a sample; the interpreter keeps its tensors, so nothing is computed twice.

    Raises:
        ExecutionError: the interpreter fails.
        FormatError: as `session.open` does.
    """
    with session.open(path, input_names=input_names, output_names=output_names) as opened:
        inputs, outputs = ({name: str(index) for name, index in each.items()} for each in opened.tensors)
    interpreter = _run(path, inputs, sample, reference=False)
    # A delegate stands behind the ops that it took: those that the file has come first.
    details = [each for each in interpreter._get_ops_details() if each["op_name"] != _DELEGATE]
    ops = tuple(_op(each) for each in details)
    made = {name for op in ops for name in op.results}
    values = _values(interpreter)
    constants = frozenset(values) - made - set(inputs.values())
    titles = {str(detail["index"]): str(detail["name"]) for detail in interpreter.get_tensor_details()}
    return GraphTrace(ops, values, constants, inputs, outputs, titles)


def run_by_reference(
    path: Path, input_names: tuple[str, ...], output_names: tuple[str, ...], sample: Sample
) -> Outputs:
    """Return what the runtime's plain kernels, written to be right and not fast, give for the same file.

    Raises:
        ExecutionError: the interpreter fails.
    """
    with session.open(path, input_names=input_names, output_names=output_names) as opened:
        inputs, outputs = opened.tensors
    interpreter = _run(path, inputs, sample, reference=True)
    scales = {detail["index"]: scale_of(detail) for detail in interpreter.get_output_details()}
    return {name: scales[index].read(np.array(interpreter.get_tensor(index))) for name, index in outputs.items()}


def _run(path: Path, inputs: Mapping[str, str | int], sample: Sample, *, reference: bool) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    with quiet_stderr():
        try:
            interpreter = Interpreter(
                str(path), experimental_op_resolver_type=kernels, experimental_preserve_all_tensors=True
            )
            for name, index in inputs.items():
                interpreter.resize_tensor_input(int(index), sample[name].shape)
            interpreter.allocate_tensors()
            details = {detail["index"]: detail for detail in interpreter.get_input_details()}
            for name, index in inputs.items():
                scale = scale_of(details[int(index)])
                interpreter.set_tensor(int(index), scale.stored(sample[name]))
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ExecutionError("LiteRT failed", where=str(path), found=str(error)) from error
    return interpreter


def _op(detail: Mapping[str, Any]) -> GraphOp:
    read = tuple(str(each) for each in detail["inputs"] if each >= 0)
    return GraphOp(str(detail["op_name"]), f"op {detail['index']}", read, tuple(map(str, detail["outputs"])))


def _values(interpreter: Any) -> dict[str, np.ndarray]:
    values = {}
    for detail in interpreter.get_tensor_details():
        try:
            held = np.array(interpreter.get_tensor(detail["index"]))
            values[str(detail["index"])] = scale_of(detail).read(held)
        except ValueError:  # a tensor that nothing computes has no data
            continue
    return values
