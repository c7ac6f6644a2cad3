"""`mlparity locate`: which ops carry a difference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.options import (
    SAMPLES,
    EvalOption,
    FunctionOption,
    InputsOption,
    PreprocessOption,
    SeedOption,
    ShapeOption,
    TrustOption,
    UnitOption,
)
from mlparity.cli.progress import LIMIT_HINT, shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.words import ComputeUnit
from mlparity.record.causes import Cause, LocatedOp
from mlparity.report.causes import cause_text
from mlparity.report.plain_table import Rows


def locate(
    artifact: Annotated[
        Path,
        typer.Argument(metavar="ARTIFACT", help="An artifact; without --source, an .mlpackage or an .mlmodel."),
    ],
    inputs: InputsOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="The PyTorch model. Errors of the conversion then show too, with its modules."
        ),
    ] = None,
    function: FunctionOption = "",
    unit: UnitOption = ComputeUnit.ALL,
    preprocess: PreprocessOption = None,
    shape: ShapeOption = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", rich_help_panel=SAMPLES, help="Look at the first N samples.")
    ] = 8,
    seed: SeedOption = 0,
    eval_mode: EvalOption = False,
    trust: TrustOption = False,
) -> None:
    """Say why ARTIFACT differs, and list the ops that contribute most."""
    from mlparity import api

    options = api.VerifyOptions(
        function=function,
        preprocess=preprocess,
        shapes=tuple(shape or ()),
        limit=limit,
        seed=seed,
        eval_mode=eval_mode,
        trust=trust,
    )
    with shown_progress(LIMIT_HINT) as progress:
        cause = api.locate(artifact, inputs, source, unit, options, progress)
    show(cause)


def show(cause: Cause) -> None:
    """Print a cause and the table of its ops."""
    console = stdout()
    console.print(f"Cause: {cause.kind}. {cause_text(cause)}")
    if not cause.ops:
        return
    table = Rows("op", "name", "share", "removed", "source", "note")
    for op in cause.ops:
        table.add_row(*_cells(op))
    console.print()
    console.print(table)


def _cells(op: LocatedOp) -> tuple[str, ...]:
    return (op.type, op.name, _part(op.share), _part(op.removed), op.origin, op.note)


def _part(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
