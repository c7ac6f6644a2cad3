"""`mlparity record`: what a verification wrote down, whether it still holds, and what changed since another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.ending import ends_well
from mlparity.cli.terminal import stdout
from mlparity.core.words import ComputeUnit, Verdict
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence
from mlparity.report.changes import changes_json, changes_markdown, changes_sentence, changes_table
from mlparity.report.decision import recommendation_text
from mlparity.report.terminal import STYLES, settings_table

app = typer.Typer(help="Show, check or compare what verifications wrote down.", no_args_is_help=True)


def show(
    path: Annotated[Path, typer.Argument(help="A record.json, an output folder, or a verified artifact.")],
) -> None:
    """Show a record: the table, the cause and the recommendation."""
    from mlparity import api

    console = stdout()
    record = api.read_any_record(path)
    if not isinstance(record, Record):
        for name, value in record.items():
            console.print(f"{name}: {value}")
        return
    console.print(f"{record.source.name}: {record.verdict} under the policy {record.policy.name!r}, {record.created}")
    console.print(settings_table(record))
    console.print(cause_sentence(record))
    console.print(recommendation_text(record))


def check(
    model: Annotated[Path, typer.Argument(help="A verified .mlpackage, .mlmodel, .aimodel, .tflite or .onnx.")],
    unit: Annotated[
        str,
        typer.Option(
            help="The compute units that the app loads it with, or such as coreai/fp32; without it, those recommended."
        ),
    ] = "",
    record: Annotated[Path | None, typer.Option(help="The record.json that it must be the subject of.")] = None,
) -> Verdict:
    """Check that MODEL still is what was verified, and passed in the setting that the app uses.

    Exit code: 0 it is, 1 it is not, 2 it cannot be read, 3 it was never verified.
    """
    from mlparity import api

    if unit and unit not in [str(known) for known in ComputeUnit]:
        api.settings_from((unit,))
    console = stdout()
    findings = api.check_artifact(model, unit, record)
    for finding in findings:
        console.print(f"{finding.question}: {finding.verdict}, {finding.sentence}", style=STYLES[finding.verdict])
    return api.verdict_of(findings)


class Format(StrEnum):
    """How changes are printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def diff(
    before: Annotated[
        Path, typer.Argument(metavar="OLD", help="An earlier record.json, or the folder of a verification or a suite.")
    ],
    after: Annotated[Path, typer.Argument(metavar="NEW", help="A later one, of the same model or suite.")],
    output_format: Annotated[Format, typer.Option("--format", help="How the changes are printed.")] = Format.TABLE,
) -> Verdict:
    """Show what changed between two records of one model, or two suites: versions, settings, figures and verdicts.

    Exit code: 0 nothing got worse, 1 something did, 2 a record cannot be read, 3 it cannot be told.
    """
    from mlparity import api

    console = stdout()
    changes = api.record_changes(before, after)
    if output_format is Format.JSON:
        console.lines(changes_json(changes))
    elif output_format is Format.MARKDOWN:
        console.lines(changes_markdown(changes))
    else:
        if changes.changes:
            console.print(changes_table(changes))
        console.print(changes_sentence(changes))
    return changes.verdict


@app.callback()
def _group() -> None:
    """Show or check what a verification wrote down."""


app.command("show")(ends_well(show))
app.command("check")(ends_well(check))
app.command("diff")(ends_well(diff))
