"""`mlparity inspect`: what an artifact is, and what the engine makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mlparity.cli.tables import specs_table, stdout
from mlparity.core.errors import InputError


def inspect(
    artifact: Annotated[Path | None, typer.Argument(help="An .mlpackage, an .aimodel or a .tflite file.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the whole program, an op a line.")] = False,
    ops: Annotated[bool, typer.Option("--ops", help="List the MIL ops that the engine runs.")] = False,
) -> None:
    """Show an artifact's interface, its ops, and whether the engine runs it."""
    from mlparity import api

    console = stdout()
    if ops:
        table = Table("op", "since opset", box=None, pad_edge=False, header_style="bold")
        for name, since in api.op_inventory():
            table.add_row(name, since)
        console.print(table)
        return
    if artifact is None:
        raise InputError(
            "no artifact is given", next_step="mlparity inspect MODEL.mlpackage, or mlparity inspect --ops"
        )
    found = api.inspect_artifact(artifact)
    if text:
        console.print(found.text)
        return
    console.print(f"{found.path}: {found.kind}")
    for name, value in {**found.facts, **found.metadata}.items():
        console.print(f"  {name}: {value}")
    console.print(specs_table("input", found.inputs))
    console.print(specs_table("output", found.outputs))
    if found.ops:
        console.print("ops: " + ", ".join(f"{name} x {count}" for name, count in found.ops.items()))
    if found.ops and found.is_program:
        console.print(f"the engine cannot run it: {found.problem}" if found.problem else "the engine runs it")
