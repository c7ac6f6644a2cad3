"""Converts a source to a `.tflite` file with Google's converter (litert-torch)."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.errors import BackendUnavailableError, ConversionError, OutputError
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.writing import written_beside
from mlparity.targets.exported.lengths import dynamic_shapes
from mlparity.targets.exported.plain_attention import plain_attention
from mlparity.targets.exported.script import exported_script
from mlparity.targets.litert.quiet_converter import quiet

FRONTEND = "export"
"""litert-torch has one route: torch.export."""


@dataclass(frozen=True, slots=True)
class LitertOptions:
    """What may be chosen; fp32 always.

    `strict_export` analyses the Python code instead of running it: slower, and it follows more control flow.
    """

    strict_export: bool = False


@dataclass(frozen=True, slots=True)
class LitertConversion:
    """A `.tflite` file and how it was made; its inputs and outputs have the source's names."""

    path: Path
    frontend: str
    seconds: float
    options: Mapping[str, str] = field(default_factory=dict)


def convert(source: Source, sample: Sample, path: Path, options: LitertOptions | None = None) -> LitertConversion:
    """Convert `source` to fp32 with the shapes of `sample`, and write it to `path` (beside it first, then renamed).

    64-bit inputs and outputs become 32-bit ones.

    Raises:
        ConversionError: the converter failed; the text has its message and what to try next.
        BackendUnavailableError: litert-torch is not installed.
        OutputError: the file cannot be written.
    """
    chosen = options if options is not None else LitertOptions()
    start = time.perf_counter()
    _require(path)
    with quiet():
        try:
            content = _converted(source, sample, chosen)
        except Exception as error:
            raise _failure(source, error) from error
    _write(path, content)
    made = {"strict_export": str(chosen.strict_export), "litert-torch": version("litert-torch")}
    return LitertConversion(path, FRONTEND, time.perf_counter() - start, made)


class _Named(nn.Module):
    """Takes tensors by name and returns a mapping: the converter names a file's inputs and outputs after these."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.flat = cast("nn.Module", source.module)
        self.output_names = source.output_names
        self.training = False

    def forward(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name."""
        return dict(zip(self.output_names, self.flat(**inputs), strict=True))


def _named(source: Source) -> _Named:
    """Return the source by names, with a signature that has them: flexible shapes are told by its parameters."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in ("self", *source.input_names)]

    def forward(self: _Named, **inputs: Tensor) -> dict[str, Tensor]:
        return _Named.forward(self, **inputs)

    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    made = type("Named", (_Named,), {"forward": forward, "__module__": __name__})(source)
    assert isinstance(made, _Named)  # noqa: S101 - tells the type checker what type() built
    return made


def _require(path: Path) -> None:
    if find_spec("litert_torch") is None:
        raise BackendUnavailableError("litert-torch is not installed", next_step="pip install 'mlparity[litert]'")
    if not path.parent.is_dir():
        raise OutputError("the TFLite file cannot be written", where=str(path), found="no such folder")


def _converted(source: Source, sample: Sample, options: LitertOptions) -> bytes:
    import litert_torch

    # torch.tensor copies: export may run code that writes into its inputs.
    example = {name: torch.tensor(sample[name]) for name in source.input_names}
    named, shapes = _named(source), dynamic_shapes(source.input_names, source.lengths)
    module = exported_script(named, (), example).module() if source.kind == "torchscript" else named
    with plain_attention(named):
        if shapes is not None and 1 < len(source.shapes) <= MOST_LENGTHS:
            return _by_length(module, source, example, options)
        try:
            model = litert_torch.convert(
                module,
                sample_kwargs=example,
                strict_export=options.strict_export,
                dynamic_shapes=shapes,
            )
        except Exception:
            if not 1 < len(source.shapes) <= _MOST_AT_ALL:
                raise
            return _by_length(module, source, example, options)
    return bytes(model.model_content())


MOST_LENGTHS, _MOST_AT_ALL = 16, 256
"""For how many lengths a file has a graph each, and for how many where the converter cannot lower flexible ones; each
costs a conversion (assumed)."""


def _by_length(module: nn.Module, source: Source, example: Mapping[str, Tensor], options: LitertOptions) -> bytes:
    """Return a file with one graph, and one signature, for each length that the samples have; they share weights.

    The converter lowers few ops with flexible dimensions, and this is how LiteRT's own language models are shipped.
    Source: https://github.com/google-ai-edge/litert-torch, `litert_torch/generative`.
    """
    import litert_torch

    converter: Any = litert_torch
    for number, shapes in enumerate(source.shapes):
        resized = {name: _resized(tensor, shapes.get(name, tuple(tensor.shape))) for name, tensor in example.items()}
        converter = converter.signature(f"length_{number}", module, sample_kwargs=resized)
    return bytes(converter.convert(strict_export=options.strict_export).model_content())


def _resized(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.resize(tensor.numpy(), shape))


def _write(path: Path, content: bytes) -> None:
    with written_beside(path, "the TFLite file") as beside:
        beside.write_bytes(content)


def _failure(source: Source, error: Exception) -> ConversionError:
    text = f"{type(error).__name__}: {error}".strip()
    op = re.search(r"\baten(?:::|\.)\w+(?:\.\w+)?", text)
    return ConversionError(
        f"LiteRT's converter stopped{f' at {op[0]}' if op else ''}",
        where=source.location,
        found="\n".join(text.splitlines()[:6]),
        next_step=next(step for pattern, step in _NEXT_STEPS if re.search(pattern, text, re.IGNORECASE)),
    )


_NEXT_STEPS = (
    (
        r"data.dependent|guard on|GuardOn|Unsupported.*branch",
        "replace the branch on a tensor's value, or try strict_export",
    ),
    (r"lowering|legaliz|not.*(support|implement)", "rewrite the op with supported ones, or leave LiteRT out"),
    (r"", "leave LiteRT out; the Core ML settings do not depend on it"),
)
"""What to try next, by the first pattern that the converter's message has."""
