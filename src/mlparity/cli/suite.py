"""`mlparity suite`: many models, one index and one exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.cli.options import RayOption
from mlparity.cli.progress import shown_progress
from mlparity.cli.terminal import stdout
from mlparity.core.words import Verdict
from mlparity.record.suite import suite_verdict
from mlparity.report.suite import COLUMNS, suite_rows, summary
from mlparity.report.terminal import STYLES


def suite(
    file: Annotated[Path, typer.Argument(metavar="MODELS.toml", help="The models, each a table [models.NAME].")],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where each model has its folder, beside index.html and junit.xml.")
    ],
    ray: RayOption = None,
) -> Verdict:
    """Verify many models; those that have not changed since the last run are not run again.

    Exit code: 0 if all pass, 1 if one fails, 2 bad input, 3 if one is unknown or could not be verified.
    """
    from mlparity import api

    folder = out.absolute()
    with shown_progress() as progress:
        entries = api.verify_suite(file, folder, progress, ray)
    console = stdout()
    for row in suite_rows(entries):
        told = "; ".join(f"{head}: {cell}" for head, cell in zip(COLUMNS[2:], row[2:], strict=True) if cell)
        console.print(f"{row[0]}: {row[1]}; {told}")
    verdict = suite_verdict(entries)
    console.print(summary(entries), style=STYLES[verdict])
    console.print(f"index: {folder / 'index.html'}")
    return verdict
