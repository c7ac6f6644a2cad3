"""Every conversion that other code makes, verified against the module that went into it, as soon as it is made."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mlparity.core.errors import MlparityError
from mlparity.core.progress import Progress
from mlparity.core.words import Verdict
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.sessions.watching import replaced
from mlparity.targets.artifacts import kind_of
from mlparity.targets.table import settings_of
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs
from mlparity.verification.verify import run_verification


@dataclass(frozen=True, slots=True)
class Verified:
    """One conversion: the name of its source, the folder of its report, and its record, or why there is none."""

    source: str
    out: Path
    record: Record | None
    failure: str = ""


@dataclass(slots=True)
class Conversions:
    """The conversions that were seen, in their order."""

    seen: list[Verified] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """`fail` if one fails, `unknown` if there was none or one could not be verified, else `pass`."""
        verdicts = {Verdict.UNKNOWN if each.record is None else each.record.verdict for each in self.seen}
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Origin:
    """The module behind a trace or an exported program, and the arguments that it was traced with."""

    module: nn.Module
    arguments: tuple[object, ...]
    names: Mapping[str, object] = field(default_factory=dict)


@contextmanager
def watched_conversions(out: Path, inputs: Inputs, policy: str | Policy, progress: Progress) -> Iterator[Conversions]:
    """Verify each conversion by coremltools or litert-torch while the block runs, into a folder of `out` for each.

    A conversion that cannot be verified is kept with the reason; the code that converts never sees an error of ours.
    """
    found = Conversions()
    watcher = _Watcher(out.absolute(), inputs, policy, progress, found)
    wraps = {
        "torch.jit.trace": watcher.tracing,
        "torch.export.export": watcher.exporting,
        "torch.export.ExportedProgram.run_decompositions": watcher.decomposing,
        "coremltools.convert": watcher.converting_with_coremltools,
        "litert_torch.convert": watcher.converting_with_litert,
    }
    with replaced(wraps):
        yield found


@dataclass(slots=True)
class _Watcher:
    out: Path
    inputs: Inputs
    policy: str | Policy
    progress: Progress
    found: Conversions
    # By the identity of a trace, which is kept so that no other object takes its place.
    origins: dict[int, tuple[object, Origin]] = field(default_factory=dict)
    busy: bool = False

    def tracing(self, trace: Callable[..., Any]) -> Callable[..., Any]:
        def traced(func: Any, example_inputs: Any = None, *more: Any, **options: Any) -> Any:
            made = trace(func, example_inputs, *more, **options)
            if isinstance(func, nn.Module) and not self.busy:
                given = options.get("example_kwarg_inputs")
                self._keep(made, Origin(func, _tuple(example_inputs), given if isinstance(given, Mapping) else {}))
            return made

        return traced

    def exporting(self, export: Callable[..., Any]) -> Callable[..., Any]:
        def exported(mod: Any, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
            made = export(mod, args, kwargs, **options)
            if isinstance(mod, nn.Module) and not self.busy:
                self._keep(made, Origin(mod, _tuple(args), kwargs or {}))
            return made

        return exported

    def decomposing(self, decompose: Callable[..., Any]) -> Callable[..., Any]:
        def decomposed(program: Any, *more: Any, **options: Any) -> Any:
            made = decompose(program, *more, **options)
            known = self.origins.get(id(program))
            if known is not None:
                self._keep(made, known[1])
            return made

        return decomposed

    def converting_with_coremltools(self, convert: Callable[..., Any]) -> Callable[..., Any]:
        def converted(model: Any, *more: Any, **options: Any) -> Any:
            made = convert(model, *more, **options)
            if not self.busy and hasattr(made, "save"):
                self._verify(self._origin_of(model), lambda folder: _save_coreml(made, folder))
            return made

        return converted

    def converting_with_litert(self, convert: Callable[..., Any]) -> Callable[..., Any]:
        def converted(module: Any, *more: Any, **options: Any) -> Any:
            made = convert(module, *more, **options)
            if not self.busy and isinstance(module, nn.Module):
                arguments = more[0] if more else options.get("sample_args")
                origin = Origin(module, _tuple(arguments), options.get("sample_kwargs") or {})
                self._verify(origin, lambda folder: _save_litert(made, folder))
            return made

        return converted

    def _keep(self, made: object, origin: Origin) -> None:
        self.origins[id(made)] = (made, origin)

    def _origin_of(self, model: object) -> Origin | None:
        """Return the module behind a model; a decomposed program and a loaded script have none but themselves."""
        known = self.origins.get(id(model))
        if known is not None:
            return known[1]
        if isinstance(model, torch.export.ExportedProgram):
            arguments, names = model.example_inputs or ((), {})
            return Origin(model.module(), arguments, names)
        return Origin(model, ()) if isinstance(model, nn.Module) else None

    def _verify(self, origin: Origin | None, save: Callable[[Path], Path]) -> None:
        if origin is None:
            return  # not of PyTorch
        name = type(origin.module).__name__
        out = self.out / f"{len(self.found.seen) + 1}-{name}"
        self.busy = True
        try:
            record = self._record(origin, save, out)
            self.found.seen.append(Verified(name, out, record))
        except Exception as error:  # the script's own work goes on
            failure = str(error) if isinstance(error, MlparityError) else f"{type(error).__name__}: {error}"
            self.found.seen.append(Verified(name, out, None, failure))
        finally:
            self.busy = False

    def _record(self, origin: Origin, save: Callable[[Path], Path], out: Path) -> Record:
        with tempfile.TemporaryDirectory() as folder:
            artifact = save(Path(folder))
            options = VerifyOptions(settings=settings_of(*kind_of(artifact)), artifacts=(artifact,), eval_mode=True)
            inputs = self.inputs if self.inputs is not None else _sample_of(origin)
            return run_verification(origin.module, out, inputs, self.policy, options, self.progress)


def _tuple(given: Any) -> tuple[object, ...]:
    if given is None:
        return ()
    return tuple(given) if isinstance(given, tuple | list) else (given,)


def _sample_of(origin: Origin) -> Sequence[Mapping[str, object]] | None:
    """Return the arguments of the trace under the names of forward's parameters, None where there are none."""
    names = [name for name in inspect.signature(origin.module.forward).parameters if name not in origin.names]
    sample = {**dict(zip(names, origin.arguments, strict=False)), **origin.names}
    return [sample] if sample else None


def _save_coreml(model: Any, folder: Path) -> Path:
    is_program = model.get_spec().WhichOneof("Type") == "mlProgram"
    path = folder / ("converted.mlpackage" if is_program else "converted.mlmodel")
    model.save(str(path))
    return path


def _save_litert(model: Any, folder: Path) -> Path:
    path = folder / "converted.tflite"
    model.export(str(path))
    return path
