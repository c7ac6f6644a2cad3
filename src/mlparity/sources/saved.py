"""Reads modules and weights that PyTorch saved: exported programs, TorchScript and state dicts."""

from __future__ import annotations

import inspect
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import BinaryIO

import numpy as np
import torch
from torch import nn

from mlparity.core.errors import SourceError
from mlparity.core.regular_files import check_regular, open_regular, reason_of
from mlparity.core.user_code import said
from mlparity.sources.exported_archive import check_exported
from mlparity.sources.pickled import check_archive

SUFFIXES = (".pt2", ".pt", ".pth", ".ts", ".jit", ".torchscript", ".bin", ".ckpt", ".safetensors")
"""File endings that mean a saved model rather than a Python name."""

_FACTORY = "write a function that builds the module and loads the file, and give it as file.py:factory"


@dataclass(frozen=True, slots=True)
class SavedModule:
    """A module from a file; `example` holds the inputs that were saved with it, by name.

    `by_position` is how many inputs an exported program insists on taking by position; None elsewhere.
    """

    module: nn.Module
    kind: str
    example: Mapping[str, np.ndarray] | None = None
    by_position: int | None = None


def load_saved(path: Path, *, trust: bool = False) -> SavedModule:
    """Read an exported program or a TorchScript module; the file's content, not its ending, decides which.

    Without `trust` an exported program is refused where loading it would run Python that the file brings: a pickle of
    more than tensors, compiled code, or texts that PyTorch evaluates.

    Raises:
        SourceError: no such file, damaged, refused, or it holds weights or a pickled module but no program.
    """
    try:
        with open_regular(path) as file:
            module = _program(path, file, trust)
    except OSError as error:
        raise SourceError(
            f"there is no file {path}",
            found=reason_of(error),
            expected="a .pt2 or a TorchScript file, or file.py:factory",
        ) from error
    if module is None:
        raise _not_a_program(path)
    return module


def _program(path: Path, file: BinaryIO, trust: bool) -> SavedModule | None:
    try:
        members = check_archive(file) if zipfile.is_zipfile(file) else ()
        file.seek(0)
        if any(name.endswith("/archive_format") for name in members):
            if not trust:
                _check_trusted(path, file)
            return _exported(file)
        return _torchscript(file) if any("/code/" in name for name in members) else None
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{path} cannot be loaded", found=said(error), next_step="save it again") from error


def _check_trusted(path: Path, file: BinaryIO) -> None:
    found = check_exported(file)
    if found:
        raise SourceError(
            f"loading {path} would run code that it brings",
            found=found,
            expected="a program, weights, and example inputs that are tensors, as torch.export.save writes them",
            next_step="if you trust where the file comes from, load it with --trust (trust=True in Python)",
        )


def load_state(path: str | Path) -> dict[str, torch.Tensor]:
    """Read a state dict without running code from the file (`weights_only=True`), onto the CPU.

    Raises:
        SourceError: the file is missing, damaged, or holds something other than a mapping of names to tensors.
    """
    file = Path(path)
    try:
        state = _safetensors(check_regular(file)) if file.suffix == ".safetensors" else _pickled(file)
    except (OSError, RuntimeError, EOFError, ValueError, UnpicklingError) as error:
        raise SourceError(
            f"{file} cannot be read as a state dict",
            found=said(error).splitlines()[0],
            expected="what torch.save(module.state_dict(), path) writes",
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise SourceError(
            f"{file} is no state dict", found=type(state).__name__, expected="a mapping of names to tensors"
        )
    return dict(state)


def _exported(file: BinaryIO) -> SavedModule:
    program = torch.export.load(file)
    module = program.module()
    args, kwargs = program.example_inputs if program.example_inputs is not None else ((), {})
    names = list(inspect.signature(module.forward).parameters)
    values = [*args, *kwargs.values()]
    flat = len(values) == len(names) and all(isinstance(value, torch.Tensor) for value in values)
    example = {name: value.numpy(force=True) for name, value in zip(names, values, strict=True)} if flat else None
    return SavedModule(module, "pt2", example, _positional_count(program))


def _positional_count(program: torch.export.ExportedProgram) -> int:
    positional, _ = program.call_spec.in_spec.children()
    return int(positional.num_children)


def _torchscript(file: BinaryIO) -> SavedModule:
    with warnings.catch_warnings():
        # torch 2.9 and newer announce that TorchScript will go; the user's file is what it is.
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*", category=DeprecationWarning)
        return SavedModule(torch.jit.load(file, map_location="cpu"), "torchscript")  # type: ignore[no-untyped-call]


def _pickled(path: Path) -> object:
    with open_regular(path) as file:
        if zipfile.is_zipfile(file):
            check_archive(file)
        file.seek(0)
        return torch.load(file, map_location="cpu", weights_only=True)


def _safetensors(path: Path) -> object:
    from safetensors.torch import load_file

    return load_file(path)


def _not_a_program(path: Path) -> SourceError:
    try:
        state = load_state(path)
    except SourceError as error:
        return SourceError(
            f"{path} holds no program",
            found=error.found or "neither an exported program, nor TorchScript, nor a state dict",
            expected="a file from torch.export.save or torch.jit.save",
            next_step=f"mlparity loads no pickled modules, because they run code; {_FACTORY}",
        )
    return SourceError(
        f"{path} holds weights but no architecture",
        found=f"a state dict of {len(state)} tensors ({', '.join(list(state)[:3])}, ...)",
        expected="a module",
        next_step=f"{_FACTORY}; mlparity.sources.saved.load_state reads the weights safely",
    )
