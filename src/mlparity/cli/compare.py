"""`mlparity compare`: two files of saved outputs, or artifacts that make them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.options import PreprocessOption, RuntimeLogOption, TimeLimitOption, UnitOption
from mlparity.cli.progress import shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.words import ComputeUnit, Verdict
from mlparity.report.terminal import STYLES, figure_lines, outputs_table


def compare(
    reference: Annotated[
        Path, typer.Argument(help="The reference: outputs (.npz, .npy, .safetensors), or an artifact to run.")
    ],
    other: Annotated[Path, typer.Argument(help="What to compare with it, of the same kinds.")],
    policy: Annotated[str, typer.Option(help="consistency, task, or a policy file (TOML).")] = "consistency",
    inputs: Annotated[
        str | None, typer.Option(help="The samples for artifacts: as in `mlparity run`. Not for saved outputs.")
    ] = None,
    preprocess: PreprocessOption = None,
    unit: UnitOption = ComputeUnit.ALL,
    time_limit: TimeLimitOption = 600,
    runtime_log: RuntimeLogOption = False,
) -> Verdict:
    """Compare outputs: saved ones, for example of a device, or those of an artifact on --inputs."""
    from mlparity import api

    making = api.Making(inputs, preprocess, unit, api.RuntimeOptions(time_limit, runtime_log))
    with shown_progress() as progress:
        compared = api.compare_files(reference, other, policy, making, progress)
    console = stdout()
    console.print(outputs_table(compared.outputs))
    for line in (*figure_lines(compared.outputs, compared.task_figures, compared.metrics), *compared.judgement.reasons):
        console.print(f"  {line}")
    verdict = compared.judgement.verdict
    console.print(verdict, style=STYLES[verdict])
    return verdict
