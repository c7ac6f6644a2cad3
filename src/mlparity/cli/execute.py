"""`mlparity exec`: somebody's unmodified script, with Core ML prediction enabled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def execute(
    context: typer.Context,
    script: Annotated[Path, typer.Argument(help="A Python script that uses coremltools.", metavar="SCRIPT [ARGS]...")],
) -> None:
    """Run SCRIPT with its ARGS; `MLModel.predict` works in it on any machine."""
    from mlparity import api

    api.execute_script(script, tuple(context.args))
