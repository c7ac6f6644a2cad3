"""`mlparity exec`: somebody's unmodified script, with Core ML prediction enabled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlparity.cli.ending import EXIT_CODES
from mlparity.cli.options import InputsOption, PolicyOption
from mlparity.cli.progress import shown_progress
from mlparity.cli.terminal import stderr, stdout
from mlparity.core.errors import InputError
from mlparity.report.conversions import conversion_lines

if TYPE_CHECKING:
    from mlparity.api import Conversions

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
    macos: Annotated[
        bool,
        typer.Option(
            "--pretend-macos",
            help="Tell the script that this is macOS: for code that predicts there alone. Predictions stay ours.",
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Verify each conversion by coremltools or litert-torch against the module that went into it.",
        ),
    ] = False,
    inputs: InputsOption = None,
    policy: PolicyOption = "consistency",
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="With --verify: where each conversion's report is written.")
    ] = Path("mlparity-out"),
) -> None:
    """Run SCRIPT with its ARGS; `MLModel.predict` works in it on any machine.

    Exit code: that of the script. With --verify, if the script ends well: 0 all conversions pass, 1 one fails, 3 there
    was none or one could not be verified.
    """
    if macos:
        stderr().print("mlparity: the script is told that this is macOS; the numbers are those of our engine")
    run = _runner(script, tuple(context.args), None if chip == _PLAIN else chip, macos)
    if verify:
        _verified(run, inputs, policy, out)
    else:
        run()


def _runner(script: str, arguments: tuple[str, ...], chip: str | None, macos: bool) -> Callable[[], None]:
    from mlparity import api

    if script != _MODULE:
        return lambda: api.execute_script(script, arguments, chip, macos=macos)
    if not arguments:
        raise InputError("-m needs the name of a module", next_step="mlparity exec -m package.module [ARGS]")
    return lambda: api.execute_script(arguments[0], arguments[1:], chip, is_module=True, macos=macos)


def _verified(run: Callable[[], None], inputs: str | None, policy: str, out: Path) -> None:
    """Run, show what was found of each conversion, and end with the verdict; a script that fails ends as it does."""
    from mlparity import api

    api.load_policy(policy)  # what is wrong with it is told before the script runs
    with shown_progress() as progress, api.verify_conversions(out, inputs, policy, progress) as found:
        try:
            run()
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
        finally:
            _show(found)
    raise typer.Exit(EXIT_CODES[found.verdict])


def _show(found: Conversions) -> None:
    console = stdout()
    for each in found.seen:
        for line in conversion_lines(each.source, each.record, each.failure, str(each.out / "report.html")):
            console.print(line)
    if not found.seen:
        console.print("no conversion by coremltools or litert-torch was seen")
    console.print(f"Verdict: {found.verdict}")
