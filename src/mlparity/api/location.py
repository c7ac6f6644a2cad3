"""`locate`: which ops of an artifact carry its difference from the source, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from torch import nn

from mlparity.api.diagnosis import explain_alone, explain_package
from mlparity.api.options import VerifyOptions
from mlparity.api.samples import choose_samples
from mlparity.api.sources import Inputs, open_source
from mlparity.backends import coreml
from mlparity.core.boundary import typed_errors
from mlparity.core.errors import FormatError, InputError
from mlparity.core.progress import Progress, silent
from mlparity.core.record import Cause
from mlparity.core.session import Sample
from mlparity.core.words import ComputeUnit

LIMIT = 8
"""How many samples are looked at where no number is given; the one that differs most is explained."""


@typed_errors
def locate(
    artifact: str | Path,
    inputs: Inputs = None,
    source: str | nn.Module | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> Cause:
    """Return why an `.mlpackage` differs, with the ops that carry most of it.

    With a `source` the difference is from it, and ops are named by the source's modules and lines too. Without one it
    is that of the numerics of `unit` from wide arithmetic on the same graph: faults of a conversion do not show.

    Raises:
        MlparityError: the artifact, the samples or the source cannot be used.
    """
    path, chosen = Path(artifact), VerifyOptions() if options is None else options
    if path.suffix != ".mlpackage" or not path.exists():
        raise FormatError(
            "ops are located in a Core ML package", where=str(path), expected=".mlpackage", next_step="check the path"
        )
    if chosen.carry:
        raise InputError("ops are located on samples that stand alone", next_step="give the state as an input")
    limited = chosen if chosen.limit is not None else replace(chosen, limit=LIMIT)
    if source is None:
        samples_by_name = _samples(path, inputs, limited, unit, progress)
        progress("locate", 0, 0)
        return explain_alone(path, samples_by_name, unit)
    flat, samples = open_source(source, inputs, limited, progress)
    progress("locate", 0, 0)
    return explain_package(path, flat, dict(islice(samples, limited.limit)), unit)


def _samples(
    path: Path, inputs: Inputs, options: VerifyOptions, unit: ComputeUnit, progress: Progress
) -> Mapping[str, Sample]:
    with coreml.open_package(path, unit) as session:
        names = tuple(spec.name for spec in session.signature.inputs)
    found = choose_samples(
        inputs,
        names,
        preprocess=options.preprocess,
        shapes=options.shapes,
        limit=options.limit,
        seed=options.seed,
        progress=progress,
    )
    return dict(islice(found, options.limit))
