"""Converts a source to an ML Program or a neural network with coremltools, by the first route that works.

The routes, in the order in which they are tried:

1. `trace`: `torch.jit.trace`. The route that coremltools' authors test most, and it follows any Python code.
2. `export`: `torch.export`, with everything that depends on no input computed beforehand.
3. `export+decompositions`: the same, and each op that coremltools has no lowering for, or one that fails, is written
   in simpler ops, by PyTorch's own decompositions.
4. `run`: the ops that one run executes, recorded below PyTorch's Python layers, then as 3. It follows branches on a
   tensor's value as the sample takes them.

A trace that writes into parts of tensors waits until the others have failed: coremltools gets some such wrong without
a word. Where a dimension is flexible, `trace` comes last and `run` not at all: they may keep the sample's size as a
constant. Why a route failed is kept in `Conversion.attempts`.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlparity.core.errors import MlparityError, OutputError
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.targets.coreml.failure import Failure, conversion_error, failure_of
from mlparity.targets.coreml.frontends import order
from mlparity.targets.coreml.options import (
    PROGRAM,
    CoremlOptions,
    Frontend,
    OpSelector,
)
from mlparity.targets.coreml.precision import described
from mlparity.targets.coreml.quiet_coremltools import quiet

if TYPE_CHECKING:
    from mlparity.targets.coreml.conversion import Converted, Job

__all__ = [
    "Conversion",
    "CoremlOptions",
    "Frontend",
    "OpSelector",
    "convert",
    "save",
    "save_model",
]


_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted model (`coremltools.models.MLModel`, not loaded for prediction) and how it was made.

    `attempts` has one line for each route that failed before; `options` is for the record.
    """

    model: Any
    frontend: Frontend
    attempts: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def convert(source: Source, sample: Sample, options: CoremlOptions | None = None) -> Conversion:
    """Convert `source`, whose inputs have the types and shapes of `sample`.

    Inputs and outputs have the source's names, and are fp32 or int32 in both precisions (an fp16 sample enters as
    fp16); a scalar becomes a tensor of shape (1,). The source's module is not changed.

    Raises:
        ConversionError: no route worked, or an option names what does not exist.
        SourceError: the module is in training mode and `eval_mode` was not asked for.
        InputError: an option does not fit the inputs.
        OutputError: no space for coremltools' temporary files.
    """
    chosen = options if options is not None else CoremlOptions()
    start = time.perf_counter()
    with quiet() as coremltools:
        # Not at the top: these import coremltools, which talks while it is imported.
        from mlparity.targets.coreml.conversion import Job
        from mlparity.targets.coreml.corrections import corrected
        from mlparity.targets.coreml.lowerings import register

        register()
        with corrected():
            job = Job.of(_as_converted(source, chosen), sample, chosen, coremltools)
            done, frontend, failures = _by_first_route(job, source, routes_of(source, chosen))
    made = _described(chosen, done.target, coremltools.__version__)
    return Conversion(done.model, frontend, tuple(map(str, failures)), made, time.perf_counter() - start)


def _as_converted(source: Source, options: CoremlOptions) -> Source:
    """Return the source as it is converted: an ML Program keeps a state itself, a network takes it as an input."""
    if source.imaged is not None and options.images:
        return source.imaged.source
    kept = source.stateful if options.format is PROGRAM else None
    return source if kept is None else kept


def _by_first_route(
    job: Job, source: Source, frontends: tuple[Frontend, ...]
) -> tuple[Converted, Frontend, list[Failure]]:
    from mlparity.targets.coreml.conversion import DoubtfulTraceError

    failures: list[Failure] = []
    routes = [(frontend, len(frontends) == 1) for frontend in frontends]
    for frontend, doubtful in routes:
        try:
            return job.by(frontend, doubtful=doubtful), frontend, failures
        except MlparityError:
            raise
        except Exception as error:  # converters raise any type; the last resort reports them all
            if isinstance(error, OSError) and error.errno in _NO_PLACE:
                raise OutputError("no space for the converter's temporary files", found=str(error)) from error
            failures.append(failure_of(frontend, error))
            if isinstance(error, DoubtfulTraceError):
                routes.append((frontend, True))
    raise conversion_error(source, failures)


def save(conversion: Conversion, path: Path) -> None:
    """Write the model as `save_model` does.

    Raises:
        OutputError: the folder cannot be written; nothing is left behind.
    """
    save_model(conversion.model, path)


def save_model(model: Any, path: Path) -> None:
    """Write a model of coremltools to `path`: beside it first, then renamed.

    What is already at `path` is replaced. No file system replaces a folder in one step: for the time between two
    renames there is nothing at `path`, and the old folder comes back if the second fails.

    Raises:
        OutputError: the folder cannot be written; nothing is left behind.
    """
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        with quiet():
            model.save(str(beside))
        _put(beside, path)
    except (OSError, shutil.Error) as error:
        raise OutputError(
            "the Core ML package cannot be written",
            where=str(path),
            found=str(error),
            next_step="free some space, or choose another folder",
        ) from error
    finally:
        delete(beside)


def _put(new: Path, path: Path) -> None:
    if not path.exists():
        new.rename(path)
        return
    old = path.with_name(f".{path.stem}.{os.getpid()}.old{path.suffix}")
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    delete(old)


def delete(path: Path) -> None:
    """Delete a model, a folder or a file, if it is there and can be deleted."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def routes_of(source: Source, options: CoremlOptions) -> tuple[Frontend, ...]:
    """Return the routes that are tried, in order.

    A state that the model keeps itself is converted by the exports alone: a trace may lose a write without a word.
    """
    routes = options.frontends if options.frontends is not None else order(options.flexible)
    if source.stateful is None or options.format is not PROGRAM:
        return routes
    return tuple(route for route in routes if route in (Frontend.EXPORT, Frontend.DECOMPOSED))


def _described(options: CoremlOptions, target: str, version: str) -> dict[str, str]:
    made = {"precision": str(options.precision), "deployment_target": target, "coremltools": version}
    images = ", ".join(
        f"{name} ({image.layout}, {image.scale}, {image.bias})" for name, image in options.images.items()
    )
    flexible = ", ".join(
        f"{name}[{axis}] {dim.lower}..{dim.upper}"
        for name, dims in options.flexible.items()
        for axis, dim in dims.items()
    )
    if options.shapes and flexible:
        listed = (" x ".join(map(str, each[name])) for name in options.flexible for each in options.shapes)
        flexible = ", ".join(dict.fromkeys(listed))
    optional = {"fp32_ops": described(options.fp32_ops), "images": images, "flexible": flexible}
    return {**made, **{name: text for name, text in optional.items() if text}}
