"""`mlparity compare`: two files of saved outputs, or artifacts that make them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.options import SAMPLES, PolicyOption, PreprocessOption, RuntimeLogOption, TimeLimitOption, UnitOption
from mlparity.cli.progress import shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.errors import InputError
from mlparity.core.words import ComputeUnit, Verdict
from mlparity.report.comparison import comparison_summary
from mlparity.report.terminal import STYLES, figure_lines, outputs_table


def compare(
    reference: Annotated[
        Path, typer.Argument(help="The reference: outputs (.npz, .npy, .safetensors), or an artifact to run.")
    ],
    other: Annotated[Path, typer.Argument(help="What to compare with it, of the same kinds.")],
    policy: PolicyOption = "consistency",
    inputs: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=SAMPLES, metavar="INPUTS", help="The samples to run artifacts on; not for saved outputs."
        ),
    ] = None,
    preprocess: PreprocessOption = None,
    function: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=SAMPLES,
            help="Which function of artifacts with several; given twice, REFERENCE's and then OTHER's.",
        ),
    ] = None,
    unit: UnitOption = ComputeUnit.ALL,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write the comparison there, as JSON, Markdown, HTML and JUnit XML."),
    ] = None,
    time_limit: TimeLimitOption = 600,
    runtime_log: RuntimeLogOption = False,
) -> Verdict:
    """Compare outputs that were saved, for example on a device, or those of artifacts on --inputs."""
    from mlparity import api

    first, second = _functions(function or [""])
    runtime = api.RuntimeOptions(time_limit, runtime_log)
    making = api.Making(inputs, preprocess, unit, runtime, function=first, other_function=second)
    with shown_progress() as progress:
        compared = api.compare_files(reference, other, policy, making, progress, out)
    console = stdout()
    console.print(outputs_table(compared.outputs))
    for line in (*figure_lines(compared.outputs, compared.task_figures, compared.metrics), *compared.reasons):
        console.print(f"  {line}")
    console.print(comparison_summary(compared))
    if out is not None:
        console.print(f"report: {out / 'report.html'}")
    console.print(f"Verdict: {compared.verdict}", style=STYLES[compared.verdict])
    return compared.verdict


def _functions(names: list[str]) -> tuple[str, str]:
    """Return the function of each side: one name is for both."""
    if len(names) > 2:
        raise InputError(
            "--function is given more than twice", found=", ".join(names), next_step="name one for each file"
        )
    return names[0], names[-1]
