"""`mlparity inspect`: what an artifact is, and what the engine makes of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlparity.cli.options import FunctionOption
from mlparity.cli.terminal import stdout
from mlparity.core.errors import InputError
from mlparity.report.plain_table import Rows
from mlparity.report.terminal import specs_table

if TYPE_CHECKING:
    from mlparity.api import PlacedOp


def inspect(
    artifact: Annotated[
        Path | None, typer.Argument(metavar="ARTIFACT", help="An .mlpackage, .mlmodel, .aimodel or .tflite.")
    ] = None,
    function: FunctionOption = "",
    text: Annotated[bool, typer.Option("--text", help="Print the whole program, an op a line.")] = False,
    placement: Annotated[
        bool,
        typer.Option("--placement", help="List where each op runs, and which rule moves it there."),
    ] = False,
    chip: Annotated[str, typer.Option(help="The chip that --placement asks about.")] = "M4",
    macos: Annotated[int, typer.Option(help="The system that --placement asks about: macOS's or iOS's number.")] = 27,
    ops: Annotated[bool, typer.Option("--ops", help="List the MIL ops that the engine runs.")] = False,
) -> None:
    """Show an artifact's interface, its ops, and whether the engine runs it."""
    from mlparity import api

    console = stdout()
    if ops:
        table = Rows("op", "since opset")
        for name, since in api.op_inventory():
            table.add_row(name, since)
        console.print(table)
        return
    if artifact is None:
        raise InputError(
            "no artifact is given", next_step="mlparity inspect MODEL.mlpackage, or mlparity inspect --ops"
        )
    found = api.inspect_artifact(artifact, function)
    if text:
        console.lines(found.text)
        return
    if placement:
        _show_placement(api.inspect_placement(artifact, chip, function, macos=macos), f"{chip}, macOS {macos}")
        return
    console.print(f"{found.path}: {found.kind}")
    for name, value in {**found.facts, **found.metadata}.items():
        console.print(f"  {name}: {value}")
    console.print(specs_table("input", found.inputs, found.sizes))
    console.print(specs_table("output", found.outputs))
    if found.states:
        console.print(specs_table("state", found.states))
    if found.ops:
        console.print("ops: " + ", ".join(f"{name} x {count}" for name, count in found.ops.items()))
    if found.ops and found.is_program:
        console.print("on the Neural Engine: " + ", ".join(f"{name} {count}" for name, count in found.eligible.items()))
        console.print(f"the engine cannot run it: {found.problem}" if found.problem else "the engine runs it")


def _show_placement(found: tuple[PlacedOp, ...], where: str) -> None:
    console = stdout()
    eligible, there = sum(op.eligible for op in found), sum(op.on_engine for op in found)
    console.print(
        f"the Neural Engine ({where}) can take {eligible} of {len(found)} ops; by the rules {there} run there;"
        " what really happens shows only on a device"
    )
    for rule, count in Counter(op.rule for op in found if op.rule).items():
        console.print(f"  {rule}: moves {count}")
    table = Rows("op", "location", "type", "takes it", "runs there", "rule", "why not", "source")
    for op in found:
        answers = ("yes" if answer else "no" for answer in (op.eligible, op.on_engine))
        table.add_row(op.op, op.location, op.type, *answers, op.rule, op.reason, op.evidence)
    console.print(table)
    for op in found:
        for hazard in op.hazards:
            console.print(f"hazard at {op.location}: {hazard}")
