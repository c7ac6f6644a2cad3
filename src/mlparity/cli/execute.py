"""`mlparity exec`: somebody's unmodified script, with Core ML prediction enabled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlparity.core.errors import InputError

_MODULE, _PLAIN = "-m", "none"


def execute(
    context: typer.Context,
    script: Annotated[
        str,
        typer.Argument(
            help="A Python script that uses coremltools, or -m and the name of a module.",
            metavar="SCRIPT|-m MODULE [ARGS]...",
        ),
    ],
    chip: Annotated[
        str,
        typer.Option(
            metavar="CHIP",
            help="Whose arithmetic fp16 models get, such as M1 or A18; `none` for plain arithmetic, the fastest.",
        ),
    ] = "M4",
) -> None:
    """Run SCRIPT with its ARGS; `MLModel.predict` works in it on any machine."""
    from mlparity import api

    chosen, arguments = None if chip == _PLAIN else chip, tuple(context.args)
    if script != _MODULE:
        api.execute_script(Path(script), arguments, chosen)
        return
    if not arguments:
        raise InputError("-m needs the name of a module", next_step="mlparity exec -m package.module [ARGS]")
    api.execute_module(arguments[0], arguments[1:], chosen)
