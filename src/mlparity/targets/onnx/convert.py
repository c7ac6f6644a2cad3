"""Converts a source to an `.onnx` file with PyTorch's own exporter."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import nn

from mlparity.core.errors import BackendUnavailableError, ConversionError, OutputError
from mlparity.core.quiet import quiet_logs
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.writing import written_beside
from mlparity.targets.exported.lengths import dynamic_shapes
from mlparity.targets.exported.plain_attention import plain_attention

FRONTEND = "export"
"""The exporter's route: torch.export."""


@dataclass(frozen=True, slots=True)
class OnnxConversion:
    """An `.onnx` file and how it was made; its inputs and outputs have the source's names."""

    path: Path
    frontend: str
    seconds: float
    options: Mapping[str, str] = field(default_factory=dict)


def convert(source: Source, sample: Sample, path: Path) -> OnnxConversion:
    """Convert `source` to fp32 with the shapes of `sample`, and write one file to `path` (beside it, then renamed).

    Raises:
        ConversionError: the exporter failed; the text has its message.
        BackendUnavailableError: onnx or onnxscript is not installed.
        OutputError: the file cannot be written.
    """
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise BackendUnavailableError(f"{missing[0]} is not installed", next_step="pip install 'mlparity[onnx]'")
    if not path.parent.is_dir():
        raise OutputError("the ONNX file cannot be written", where=str(path), found="no such folder")
    start = time.perf_counter()
    with _quiet():
        program = _exported(source, sample)
        _save(program, path)
    return OnnxConversion(path, FRONTEND, time.perf_counter() - start, {"torch": torch.__version__})


def _exported(source: Source, sample: Sample) -> torch.onnx.ONNXProgram:
    example = tuple(torch.tensor(sample[name]) for name in source.input_names)
    module, shapes = cast("nn.Module", source.module), dynamic_shapes(source.input_names, source.lengths)
    try:
        with plain_attention(module):
            program = torch.onnx.export(
                module,
                example,
                input_names=list(source.input_names),
                output_names=list(source.output_names),
                dynamic_shapes=None if shapes is None else tuple(shapes.values()),
                dynamo=True,
                verbose=False,
            )
    except Exception as error:
        raise ConversionError(
            "PyTorch's ONNX exporter stopped",
            where=source.location,
            found="\n".join(f"{type(error).__name__}: {error}".splitlines()[:6]),
            next_step="leave ONNX out; the Core ML settings do not depend on it",
        ) from error
    return cast("torch.onnx.ONNXProgram", program)


def _save(program: torch.onnx.ONNXProgram, path: Path) -> None:
    with written_beside(path, "the ONNX file") as beside:
        program.save(str(beside), external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress lines, log records and warnings off the terminal."""
    with quiet_logs(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
