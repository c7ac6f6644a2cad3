"""The `mlparity` command and its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from mlparity import __version__
from mlparity.cli import compare, execute, inspect, locate, record, run, tune, verify
from mlparity.cli.ending import ends_well

app = typer.Typer(
    name="mlparity",
    help="Verify that a converted PyTorch model predicts what its source predicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _name, _command in (
    ("verify", verify.verify),
    ("locate", locate.locate),
    ("tune", tune.tune),
    ("run", run.run),
    ("inspect", inspect.inspect),
    ("compare", compare.compare),
):
    app.command(_name)(ends_well(_command))
app.add_typer(record.app, name="record")
# The options after SCRIPT are the script's own, `--help` included.
app.command(
    "exec",
    context_settings={
        "allow_extra_args": True,
        "allow_interspersed_args": False,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
)(ends_well(execute.execute))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Verify that a converted PyTorch model predicts what its source predicts."""


def main() -> None:
    """Run the command line; see `ending` for the exit codes."""
    app()
