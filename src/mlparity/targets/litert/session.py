"""Runs a `.tflite` file with LiteRT's own interpreter and its XNNPACK kernels, or those of its reference.

Inputs and outputs that a file stores as quantised integers are numbers here, as the source has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from mlparity.core.errors import BackendUnavailableError, ExecutionError, FormatError
from mlparity.core.quiet import quiet_stderr
from mlparity.core.regular_files import open_regular, reason_of
from mlparity.core.session import Availability, Closing, Outputs, Sample, Signature, TensorSpec
from mlparity.targets.litert.graphs import Detail, Runner, graph_for, graphs_of, joined
from mlparity.targets.litert.quantized import Scale, scale_of

_IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of the file. Source: https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs."""


def probe() -> Availability:
    """Tell whether LiteRT is installed; nothing is imported."""
    if find_spec("ai_edge_litert") is None:
        return Availability(ok=False, why="ai-edge-litert is not installed: pip install 'mlparity[litert]'")
    return Availability(ok=True)


def open(  # noqa: A001 - every backend has `open`
    path: str | Path,
    *,
    input_names: Sequence[str] = (),
    output_names: Sequence[str] = (),
    num_threads: int = 1,
    reference: bool = False,
) -> LitertSession:
    """Load a `.tflite` file, with the plain kernels that are written to be right where `reference` is set.

    `input_names` and `output_names` are the source's; where the file has other names, they replace its own by
    position. Without them the file's own names are used.

    Raises:
        BackendUnavailableError: LiteRT is not installed.
        FormatError: no such file, no TFLite file, damaged, or another number of inputs or outputs than names.
    """
    available = probe()
    if not available.ok:
        raise BackendUnavailableError(available.why)
    return LitertSession(_checked_file(Path(path)), tuple(input_names), tuple(output_names), (num_threads, reference))


class LitertSession(Closing):
    """A loaded `.tflite` file; its main graph is run."""

    def __init__(
        self, path: Path, input_names: tuple[str, ...], output_names: tuple[str, ...], how: tuple[int, bool]
    ) -> None:
        self._path, self._is_reference = path, how[1]
        self._interpreter: _Interpreter | None
        self._interpreter, inputs, outputs = _loaded(path, *how)
        self._inputs = _renamed(inputs, input_names, path, "inputs")
        self._outputs = _renamed(outputs, output_names, path, "outputs")
        names = {port.name for port in (*self._inputs, *self._outputs)}
        graphs = graphs_of(self._interpreter)
        self._graphs = graphs if all(_names_of(graph) == names for graph in graphs.values()) else {}

    @property
    def signature(self) -> Signature:
        """The names, shapes and types of the file; a dimension in which its graphs differ is flexible."""
        inputs, outputs = (
            tuple(TensorSpec(port.name, port.shape, port.dtype) for port in ports)
            for ports in (self._inputs, self._outputs)
        )
        if not self._graphs:
            return Signature(inputs, outputs)
        graphs = self._graphs.values()
        return Signature(
            joined(inputs, (graph.get_input_details() for graph in graphs)),
            joined(outputs, (graph.get_output_details() for graph in graphs)),
        )

    @property
    def tensors(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """The tensors of the inputs and of the outputs, by the names of the signature."""
        first, second = ({port.name: port.index for port in ports} for ports in (self._inputs, self._outputs))
        return first, second

    @property
    def runtime(self) -> str:
        """LiteRT's version, and its kernels."""
        return f"LiteRT {_version()} (CPU, {'reference kernels' if self._is_reference else 'XNNPACK'})"

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample.

        Raises:
            ExecutionError: the interpreter fails; the text has its own message.
        """
        if self._interpreter is None:
            raise ExecutionError("the session is closed", where=str(self._path))
        try:
            graph = graph_for(self._graphs, sample)
            if graph is not None:
                found = graph(**{port.name: port.scale.stored(sample[port.name]) for port in self._inputs})
                return {port.name: port.scale.read(found[port.name]) for port in self._outputs}
            if self._graphs:
                raise self._no_graph(sample)
            self._feed(self._interpreter, sample)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise ExecutionError("LiteRT failed", where=str(self._path), found=str(error)) from error
        return {port.name: port.scale.read(self._interpreter.get_tensor(port.index)) for port in self._outputs}

    def close(self) -> None:
        """Free the interpreter."""
        self._interpreter, self._graphs = None, {}

    def _no_graph(self, sample: Sample) -> ExecutionError:
        known = (", ".join(f"{name} {shape}" for name, shape in sorted(shapes)) for shapes in self._graphs)
        return ExecutionError(
            "the file has no graph for this length",
            where=str(self._path),
            found=", ".join(f"{name} {array.shape}" for name, array in sorted(sample.items())),
            expected=" or ".join(known),
            next_step="convert the model for this length too",
        )

    def _feed(self, interpreter: _Interpreter, sample: Sample) -> None:
        held = {detail["index"]: tuple(detail["shape"]) for detail in interpreter.get_input_details()}
        resized = [port for port in self._inputs if held[port.index] != sample[port.name].shape]
        for port in resized:
            interpreter.resize_tensor_input(port.index, sample[port.name].shape)
        if resized:
            interpreter.allocate_tensors()
        for port in self._inputs:
            interpreter.set_tensor(port.index, port.scale.stored(sample[port.name]))


@dataclass(frozen=True, slots=True)
class _Port:
    """One input or output of the main graph: its name, its tensor's index, its shape and its type."""

    name: str
    index: int
    shape: tuple[int | None, ...] | None
    dtype: str
    scale: Scale


class _Interpreter(Protocol):
    def allocate_tensors(self) -> None: ...

    def resize_tensor_input(self, input_index: int, tensor_size: tuple[int, ...]) -> None: ...

    def set_tensor(self, tensor_index: int, value: np.ndarray) -> None: ...

    def get_tensor(self, tensor_index: int) -> np.ndarray: ...

    def invoke(self) -> None: ...

    def get_signature_list(self) -> Mapping[str, object]: ...

    def get_signature_runner(self, signature_key: str) -> Runner: ...

    def get_input_details(self) -> Sequence[Detail]: ...

    def get_output_details(self) -> Sequence[Detail]: ...


def _checked_file(path: Path) -> Path:
    try:
        with open_regular(path) as file:
            head = file.read(8)
    except OSError as error:
        raise FormatError(f"there is no file {path}", found=reason_of(error), expected="a .tflite file") from error
    if head[4:] != _IDENTIFIER:
        raise FormatError(
            "this is no TFLite file",
            where=str(path),
            found=f"bytes 4 to 8 are {head[4:]!r}",
            expected=repr(_IDENTIFIER),
        )
    return path


def _loaded(path: Path, num_threads: int, reference: bool) -> tuple[_Interpreter, list[_Port], list[_Port]]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    with quiet_stderr():
        try:
            interpreter: _Interpreter = Interpreter(
                str(path), num_threads=num_threads, experimental_op_resolver_type=kernels
            )
            interpreter.allocate_tensors()
            return interpreter, *_ports(interpreter)
        except Exception as error:  # a damaged file ends in many types: a name that is no UTF-8, a missing key
            raise FormatError(
                "LiteRT cannot load the file",
                where=str(path),
                found=f"{type(error).__name__}: {error}",
                next_step="convert the model again",
            ) from error


def _ports(interpreter: _Interpreter) -> tuple[list[_Port], list[_Port]]:
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    signatures = list(interpreter.get_signature_list())
    # A file with several signatures has several graphs; the details above are those of the main one.
    if len(signatures) != 1 and not graphs_of(interpreter):
        return _named(inputs, {}), _named(outputs, {})
    runner = interpreter.get_signature_runner(signatures[0])
    return _named(inputs, runner.get_input_details()), _named(outputs, runner.get_output_details())


def _named(details: Sequence[Detail], signature: Mapping[str, Detail]) -> list[_Port]:
    """Give the tensors their names in the signature, in the graph's order; a tensor may be two outputs."""
    names: dict[int, list[str]] = {}
    for name, detail in signature.items():
        names.setdefault(detail["index"], []).append(name)
    return [_port(names[d["index"]].pop(0) if names.get(d["index"]) else d["name"], d) for d in details]


def _names_of(graph: Runner) -> set[str]:
    return {*graph.get_input_details(), *graph.get_output_details()}


def _port(name: str, detail: Detail) -> _Port:
    shape = tuple(None if size < 0 else int(size) for size in detail["shape_signature"])
    # An empty signature belongs to a scalar, or to a tensor whose rank only a run tells.
    known = shape if len(detail["shape"]) == len(shape) else None
    scale = scale_of(detail)
    return _Port(name, detail["index"], known, "float32" if scale.step else np.dtype(detail["dtype"]).name, scale)


def _renamed(ports: list[_Port], names: tuple[str, ...], path: Path, what: str) -> tuple[_Port, ...]:
    own = {port.name: port for port in ports}
    if not names:
        return tuple(ports)
    if set(names) == set(own):
        return tuple(own[name] for name in names)
    if len(names) != len(ports):
        raise FormatError(
            f"the file has other {what} than the source",
            where=str(path),
            found=", ".join(own),
            expected=", ".join(names),
        )
    return tuple(replace(port, name=name) for port, name in zip(ports, names, strict=True))


@cache
def _version() -> str:
    """Return the runtime's version; every run asks, and the package's files are read once."""
    return version("ai-edge-litert")
