"""`mlparity run`: an artifact on samples, its outputs saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.options import (
    CarryOption,
    FunctionOption,
    LimitOption,
    PreprocessOption,
    RuntimeLogOption,
    TimeLimitOption,
    UnitOption,
)
from mlparity.cli.progress import shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.numbers import counted
from mlparity.core.words import ComputeUnit


def run(
    artifact: Annotated[
        Path, typer.Argument(metavar="ARTIFACT", help="An .mlpackage, .mlmodel, .aimodel, .tflite or .onnx.")
    ],
    inputs: Annotated[
        str,
        typer.Option(
            metavar="INPUTS", help="A folder of images, .npy, .npz or .safetensors files, or a module:function."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The .npz file for the outputs, named SAMPLE/OUTPUT.")],
    preprocess: PreprocessOption = None,
    limit: LimitOption = None,
    carry: CarryOption = None,
    function: FunctionOption = "",
    unit: UnitOption = ComputeUnit.ALL,
    time_limit: TimeLimitOption = 600,
    runtime_log: RuntimeLogOption = False,
) -> None:
    """Run an artifact on samples and save its outputs, to compare them with those of another machine."""
    from mlparity import api

    runtime = api.RuntimeOptions(time_limit, runtime_log)
    pairs = api.pairs_from(carry or (), "--carry")
    with shown_progress() as progress:
        count = api.run_artifact(
            *(artifact, inputs, out, preprocess, unit, progress, runtime), limit=limit, carry=pairs, function=function
        )
    stdout().print(f"{counted(count, 'sample')}: {out}")
