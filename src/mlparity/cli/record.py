"""`mlparity record`: what a verification wrote down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.ending import ends_well
from mlparity.cli.tables import settings_table, stdout
from mlparity.core.record import Record

app = typer.Typer(help="Show what a verification wrote down.", no_args_is_help=True)


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
    console.print(record.cause.sentence)
    console.print(record.recommendation.sentence)


@app.callback()
def _group() -> None:
    """Show what a verification wrote down."""


app.command("show")(ends_well(show))
