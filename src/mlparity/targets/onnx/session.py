"""Runs an `.onnx` file with ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from mlparity.core.errors import BackendUnavailableError, ExecutionError, FormatError
from mlparity.core.regular_files import LARGE, check_regular, reason_of
from mlparity.core.session import Availability, Closing, Outputs, Sample, Signature, TensorSpec

# Source: https://onnxruntime.ai/docs/api/python/api_summary.html (NodeArg.type).
_TYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    **{f"tensor({name})": name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
}


def probe() -> Availability:
    """Tell whether ONNX Runtime is installed; nothing is imported."""
    if find_spec("onnxruntime") is None:
        return Availability(ok=False, why="onnxruntime is not installed: pip install 'mlparity[onnx]'")
    return Availability(ok=True)


def open(path: str | Path, *, num_threads: int = 1) -> OnnxSession:  # noqa: A001 - every backend has `open`
    """Load an `.onnx` file.

    Raises:
        BackendUnavailableError: ONNX Runtime is not installed.
        FormatError: no such file, or ONNX Runtime refuses it.
    """
    available = probe()
    if not available.ok:
        raise BackendUnavailableError(available.why)
    try:
        return OnnxSession(check_regular(Path(path), limit=LARGE), num_threads)
    except OSError as error:
        raise FormatError(f"there is no file {path}", found=reason_of(error), expected="an .onnx file") from error


class OnnxSession(Closing):
    """A loaded `.onnx` file."""

    def __init__(self, path: Path, num_threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = num_threads
        options.log_severity_level = 4  # fatal only: errors come as exceptions
        try:
            self._runner: _Runner | None = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise FormatError("ONNX Runtime cannot load the file", where=str(path), found=str(error)) from error
        self._path, self._version = path, str(onnxruntime.__version__)
        self._signature = Signature(_specs(self._runner.get_inputs()), _specs(self._runner.get_outputs()))

    @property
    def signature(self) -> Signature:
        """The names, shapes and types of the file; a named dimension is flexible."""
        return self._signature

    @property
    def runtime(self) -> str:
        """ONNX Runtime's version."""
        return f"ONNX Runtime {self._version} (CPU)"

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample.

        Raises:
            ExecutionError: ONNX Runtime fails; the text has its own message.
        """
        if self._runner is None:
            raise ExecutionError("the session is closed", where=str(self._path))
        try:
            results = self._runner.run(None, dict(sample))
        except Exception as error:
            raise ExecutionError("ONNX Runtime failed", where=str(self._path), found=str(error)) from error
        return {spec.name: result for spec, result in zip(self._signature.outputs, results, strict=True)}

    def close(self) -> None:
        """Free the model."""
        self._runner = None


class _Port(Protocol):
    name: str
    shape: Sequence[int | str | None]
    type: str


class _Runner(Protocol):
    def get_inputs(self) -> Sequence[_Port]: ...

    def get_outputs(self) -> Sequence[_Port]: ...

    def run(self, output_names: None, input_feed: dict[str, np.ndarray]) -> Sequence[np.ndarray]: ...


def _specs(ports: Sequence[_Port]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            port.name, tuple(size if isinstance(size, int) else None for size in port.shape), _TYPES.get(port.type, "")
        )
        for port in ports
    )
