"""Loads a source: a name on the command line, or a module, to a `Source`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mlparity.core.errors import InputError, SourceError
from mlparity.core.names import checked_name
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.user_code import failing_as, folder_of, importable, raised_at, said
from mlparity.sources.cache import without_cache
from mlparity.sources.digest import parameter_count, weights_sha256
from mlparity.sources.entry import is_entry, resolve
from mlparity.sources.flatten import FlatModule, flat_module, leaves, output_names, tensors_of
from mlparity.sources.forward import ForwardInputs, forward_inputs, ordered_names
from mlparity.sources.restored import restored_buffers
from mlparity.sources.saved import SUFFIXES, SavedModule, load_saved

_FORMS = "package.module:factory, file.py:factory, a .pt2 file, or a TorchScript file"


@dataclass(frozen=True, slots=True)
class LoadedModule:
    """A module in eval mode that has not been run yet; `inputs` tells the names that samples must have.

    `example` is the sample that a .pt2 file carries. `notes` say what was changed, for the user to read. `owner` is the
    module whose weights are the source's, where `module` is a wrapper around it.
    """

    name: str
    kind: str
    location: str
    module: nn.Module
    inputs: ForwardInputs
    example: Sample | None = None
    notes: tuple[str, ...] = ()
    owner: nn.Module | None = None


def load_module(spec: str | nn.Module, *, eval_mode: bool = False, trust: bool = False) -> LoadedModule:
    """Load the module that `spec` names, without running it.

    With `eval_mode` a module in training mode is put in eval mode (a module that the caller owns: a copy of it).
    With `trust` a .pt2 file may bring code of its own; see `load_saved`.

    Raises:
        SourceError: nothing there, a factory that raises or returns no module, or training mode.
    """
    location = type(spec).__name__ if isinstance(spec, nn.Module) else spec
    checked_name(location, "the source")
    saved = SavedModule(spec, "module") if isinstance(spec, nn.Module) else _by_name(spec, trust)
    with failing_as(lambda error: _unusable(location, error)):
        module = getattr(saved.module, "_orig_mod", saved.module)  # torch.compile's wrapper hides forward's names
        module, notes = _in_eval_mode(module, saved.kind, location, eval_mode)
        inputs = forward_inputs(module, saved.by_position)
    name = Path(location).stem if saved.kind in ("pt2", "torchscript") else location.rpartition(":")[2]
    return LoadedModule(name, saved.kind, location, module, inputs, saved.example, notes)


def flatten_source(loaded: LoadedModule, sample: Sample | None = None) -> Source:
    """Run the module once on `sample` and return it in flat form, with its inputs and outputs named.

    Raises:
        SourceError: the module fails on the sample, or returns something that is no tensor.
        InputError: the sample's names are not the names of forward's parameters, or there is no sample.
    """
    first = sample if sample is not None else loaded.example
    if first is None:
        raise InputError(
            "the source's inputs are not known",
            where=loaded.location,
            expected=f"a sample with {', '.join(loaded.inputs.names)}",
            next_step="give samples, or the shapes of the inputs",
        )
    order = ordered_names(loaded.inputs, first, loaded.location)
    with failing_as(lambda error: _unusable(loaded.location, error)):
        inner, constants = without_cache(loaded.module, loaded.inputs.names)
        flat = flat_module(inner, order, constants)
        owner = loaded.module if loaded.owner is None else loaded.owner
        parameters, weights = parameter_count(owner), weights_sha256(owner)
    return Source(
        name=loaded.name,
        kind=loaded.kind,
        location=loaded.location,
        module=flat,
        input_names=order.names,
        output_names=_names_of_outputs(flat, first, loaded.location),
        parameters=parameters,
        sha256=weights,
        notes=loaded.notes,
    )


def _names_of_outputs(flat: FlatModule, sample: Sample, location: str) -> tuple[str, ...]:
    def failed(error: BaseException) -> SourceError:
        shapes = ", ".join(f"{name} {value.dtype} {value.shape}" for name, value in sample.items())
        return SourceError(
            "the source fails on the first sample",
            where=f"{location}, raised at {raised_at(error)}",
            found=said(error),
            next_step=f"check that the source takes {shapes}",
        )

    with failing_as(failed), torch.no_grad(), restored_buffers(flat):
        nested = flat.nested(*tensors_of(sample, flat.order.names))
        paths = [path for path, _ in leaves(nested)]
    if not paths:
        raise SourceError("the source returns no tensors", where=location, found=type(nested).__name__)
    return output_names(paths, flat.order.names)


def _unusable(location: str, error: BaseException) -> SourceError:
    return SourceError(
        "the module cannot be used", where=f"{location}, raised at {raised_at(error)}", found=said(error)
    )


def _by_name(spec: str, trust: bool) -> SavedModule:
    if is_entry(spec):
        return SavedModule(_built(spec, resolve(spec)), "factory")
    if Path(spec).suffix in SUFFIXES or Path(spec).is_file():
        return load_saved(Path(spec), trust=trust)
    raise SourceError(f"{spec} names no source", expected=_FORMS, next_step="put a colon before the factory's name")


def _built(spec: str, entry: object) -> nn.Module:
    made = _called(spec, entry) if callable(entry) and not isinstance(entry, nn.Module) else entry
    if isinstance(made, nn.Module):
        return made
    raise SourceError(
        "the factory returns no module",
        where=spec,
        found=f"{type(made).__module__}.{type(made).__name__}",
        expected="a torch.nn.Module, or a function without arguments that returns one",
    )


def _called(spec: str, factory: Callable[[], object]) -> object:
    def failed(error: BaseException) -> SourceError:
        return SourceError(
            "the factory raised an error", where=f"{spec}, raised at {raised_at(error)}", found=said(error)
        )

    with failing_as(failed), importable(folder_of(spec.rpartition(":")[0])):
        return factory()


def _in_eval_mode(module: nn.Module, kind: str, location: str, eval_mode: bool) -> tuple[nn.Module, tuple[str, ...]]:
    # An exported program's mode was fixed when it was exported, and its flag says nothing.
    training = [] if kind == "pt2" else [name for name, part in module.named_modules() if part.training]
    if not training:
        return module, ()
    if eval_mode:
        evaluated = (copy.deepcopy(module) if kind == "module" else module).eval()
        return evaluated, (f"{location} was in training mode; it was verified in eval mode, as asked",)
    shown = ", ".join(name or "the whole module" for name in training[:3])
    raise SourceError(
        "the source is in training mode: dropout is active and batch norm uses each batch's own statistics",
        where=location,
        found=f"{len(training)} parts with training=True ({shown})",
        expected="training=False in every part",
        next_step="call .eval() in the factory, or ask for eval mode",
    )
