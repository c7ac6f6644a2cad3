"""Converts a source to Core AI (`.aimodel`) with Apple's converter (coreai-torch)."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from mlparity.core.errors import BackendUnavailableError, ConversionError, OutputError
from mlparity.core.quiet import quiet_logs, quiet_stderr
from mlparity.core.session import Availability, Sample
from mlparity.core.source import Source
from mlparity.core.words import Precision
from mlparity.targets.exported.plain_attention import plain_attention
from mlparity.targets.exported.script import exported_script

FRONTEND = "export"
"""coreai-torch has one route: torch.export."""


@dataclass(frozen=True, slots=True)
class CoreaiOptions:
    """What may be chosen.

    In fp16 `fold_norms` writes each batch norm into the weights before it, or as a scale and a shift, while they are
    still fp32. Without it Core AI folds norms that are fp16 already and takes numbers below 6.1e-5 for zero: a
    channel of a smaller variance becomes NaN. `fp32_ops` are ops that stay in fp32 in an fp16 conversion, by their
    names in PyTorch (`aten.addmm`).
    """

    precision: Precision = Precision.FP32
    fold_norms: bool = True
    fp32_ops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoreaiConversion:
    """An `.aimodel` folder and how it was made; its inputs and outputs have the source's names."""

    path: Path
    frontend: str
    seconds: float
    options: Mapping[str, str] = field(default_factory=dict)


def convert(source: Source, sample: Sample, path: Path, options: CoreaiOptions | None = None) -> CoreaiConversion:
    """Convert `source` with the shapes of `sample`, and write it to `path` (beside it first, then renamed).

    64-bit inputs and outputs become 32-bit ones. In fp16 inputs and outputs are fp16 too, by the route that Apple
    recommends: `coreai_opt.casting`, on the exported program.
    Source: https://apple.github.io/coreai-optimization/utils/casting.html

    Raises:
        ConversionError: the converter failed; the text has its message and what to try next.
        BackendUnavailableError: coreai-torch, or for fp16 coreai-opt, is not installed.
        OutputError: the folder cannot be written.
    """
    chosen = options if options is not None else CoreaiOptions()
    start = time.perf_counter()
    _require(path, chosen.precision)
    if source.lengths:
        raise ConversionError(
            "a Core AI asset is made for one length, and the samples have several",
            where=source.location,
            found=", ".join(f"{name}[{axis}]" for name, dims in source.lengths.items() for axis in dims),
            next_step="verify each length by itself, or leave Core AI out",
        )
    with _quiet():
        try:
            program = _program(source, sample, chosen)
        except ConversionError:
            raise
        except Exception as error:
            raise _failure(source, error) from error
        _save(program, path, source)
    return CoreaiConversion(path, FRONTEND, time.perf_counter() - start, _described(chosen))


class _Distinct(nn.Module):
    """Gives each output a value of its own: the converter names values, and takes one with two names for a mistake."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.training = False

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs; one that was given before, or is an input, is copied."""
        known = {id(tensor) for tensor in inputs}
        outputs = []
        for output in self.inner(*inputs):
            outputs.append(output.clone() if id(output) in known else output)
            known.add(id(output))
        return tuple(outputs)


def _program(source: Source, sample: Sample, options: CoreaiOptions) -> object:
    import coreai_torch

    examples = tuple(torch.tensor(sample[name]) for name in source.input_names)
    program = _exported(source, examples)
    if options.precision is Precision.FP16 and options.fold_norms:
        from mlparity.targets.exported.norms import without_norms

        program = without_norms(program, examples)
    program = program.run_decompositions(coreai_torch.get_decomp_table())
    _refuse_complex(program)
    if options.precision is Precision.FP16:
        from coreai_opt.casting import cast_fp32_to_fp16

        _refuse_unknown(options.fp32_ops, program)
        program = cast_fp32_to_fp16(program, ignored_ops=lambda node: _op(node) in options.fp32_ops)
    _refuse_state(program)
    # The debug mode, its default, writes the paths of the user's code into the file.
    converter = coreai_torch.TorchConverter(mode=coreai_torch.TorchConverter.Mode.RELEASE)
    converter.add_exported_program(program, input_names=source.input_names, output_names=source.output_names)
    return converter.to_coreai()


def _exported(source: Source, examples: tuple[Tensor, ...]) -> ExportedProgram:
    module = _Distinct(cast("nn.Module", source.module))
    with torch.no_grad(), plain_attention(module):
        if source.kind == "torchscript":
            return exported_script(module, examples, {})
        return torch.export.export(module, examples)


def _op(node: fx.Node) -> str:
    """Return `aten.addmm` for `aten.addmm.default`; "" for what is no op."""
    return str(node.target.overloadpacket) if isinstance(node.target, torch._ops.OpOverload) else ""


def _refuse_unknown(names: tuple[str, ...], program: ExportedProgram) -> None:
    known = sorted({_op(node) for node in program.graph.nodes} - {""})
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConversionError(
            f"there is no op {unknown[0]} to keep in fp32",
            found=", ".join(unknown),
            expected=", ".join(known),
            next_step="use one of these names",
        )


def _refuse_complex(program: ExportedProgram) -> None:
    """Refuse complex values: the converter ends the process on a constant of them.

    Source: coreai-torch 0.4.3, "Assertion `isIntOrFloat()' failed" (MLIR, Types.cpp).
    """
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, Tensor) and value.is_complex():
            what = _op(node) if _op(node) else f"the constant {node.target}"
            raise ValueError(f"Core AI does not support complex numbers, as {what} has them")


def _refuse_state(program: ExportedProgram) -> None:
    changed = program.graph_signature.buffers_to_mutate.values()
    if changed:
        own = sorted(re.sub(r"^(inner\.)+", "", buffer) for buffer in changed)
        raise ValueError(f"the module changes its buffers {', '.join(own)} when it runs")


def probe(precision: Precision) -> Availability:
    """Tell whether what converts to `precision` is installed; nothing is imported."""
    needed = ("coreai_torch", "coreai_opt") if precision is Precision.FP16 else ("coreai_torch",)
    missing = [name.replace("_", "-") for name in needed if find_spec(name) is None]
    return (
        Availability(ok=False, why=f"{missing[0]} is not installed: {HOW_TO_GET}") if missing else Availability(ok=True)
    )


def _require(path: Path, precision: Precision) -> None:
    available = probe(precision)
    if not available.ok:
        raise BackendUnavailableError(available.why)
    if not path.parent.is_dir():
        raise OutputError("the Core AI model cannot be written", where=str(path), found="no such folder")


HOW_TO_GET = (
    "pip install 'mlparity[coreai]'; wheels exist for Linux on x86-64 (glibc 2.34) and macOS 26 on Apple silicon,"
    " or newer, and fp16 needs Python 3.13 or older"
)
"""Source: the wheels' tags of coreai-core 1.0.0b3, and `Requires-Python` of coreai-opt 0.3.0."""


def _save(program: object, path: Path, source: Source) -> None:
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part.aimodel")
    try:
        program.save_asset(beside)  # type: ignore[attr-defined]  # coreai's types need Python 3.11's own parser
        if path.exists():
            shutil.rmtree(path)
        beside.rename(path)
    except (OSError, RuntimeError) as error:
        # coreai makes one error of a full disk and of a program that it finds wrong while it writes.
        if isinstance(error, RuntimeError) and not isinstance(error.__cause__, OSError):
            raise _failure(source, error) from error
        raise OutputError("the Core AI model cannot be written", where=str(path), found=str(error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _described(options: CoreaiOptions) -> dict[str, str]:
    made = {"precision": str(options.precision), "coreai-torch": version("coreai-torch")}
    if options.precision is Precision.FP16:
        made |= {"fold_norms": str(options.fold_norms), "coreai-opt": version("coreai-opt")}
        if options.fp32_ops:
            made["fp32_ops"] = ", ".join(options.fp32_ops)
    return made


def _failure(source: Source, error: Exception) -> ConversionError:
    text = f"{type(error).__name__}: {error}".strip()
    op = re.search(r"\b(?:aten|higher_order|torchvision)(?:::|\.)\w+(?:\.\w+)?", text)
    return ConversionError(
        f"Core AI's converter stopped{f' at {op[0]}' if op else ''}",
        where=source.location,
        found="\n".join(text.splitlines()[:6]),
        next_step=next(step for pattern, step in _NEXT_STEPS if re.search(pattern, text, re.IGNORECASE)),
    )


_NEXT_STEPS = (
    (r"changes its buffers", "take the state as an input and return it as an output"),
    (r"data.dependent|guard on|GuardOn|Unsupported.*branch", "replace the branch on a tensor's value"),
    (r"lowering|legaliz|not.*(support|implement)", "rewrite the op with supported ones, or leave Core AI out"),
    (r"", "leave Core AI out; the Core ML settings do not depend on it"),
)
"""What to try next, by the first pattern that the converter's message has."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the converter's chatter off the terminal: progress, log records, warnings and native messages."""
    with quiet_logs(), warnings.catch_warnings(), quiet_stderr(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
