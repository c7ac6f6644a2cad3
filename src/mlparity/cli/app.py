"""The `mlparity` command and its subcommands, as a Typer application."""

from __future__ import annotations

import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from mlparity import __version__
from mlparity.cli import compare, doctor, execute, inspect, locate, record, run, suite, tune, verify
from mlparity.cli.ending import BAD_INPUT, ends_as_its_script, ends_well
from mlparity.cli.terminal import complain, stdout
from mlparity.core.errors import MlparityError

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What Typer raises of a command line that cannot be used; it has no public name for it."""


class _Group(TyperGroup):
    """Prints what is wrong with a command line where everything is printed."""

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        """Run the command line and exit with its code."""
        try:
            sys.exit(super().main(*arguments, **{**options, "standalone_mode": False}))
        except typer.Abort as error:
            raise (error.__cause__ if error.__cause__ is not None else error) from None  # an EOFError of a script
        except _UsageError as error:
            _tell(error)
            sys.exit(BAD_INPUT)
        except MlparityError as error:  # of --help and --version, which are no commands
            complain(f"error: {error}")
            sys.exit(BAD_INPUT)


def _tell(error: Any) -> None:
    message = error.format_message()
    if message and error.ctx is not None:
        complain(f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.", "")
    if message:
        complain(f"error: {message}")


app = typer.Typer(
    name="mlparity",
    cls=_Group,
    help="Verify that a converted PyTorch model predicts what its source predicts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _name, _command in (
    ("verify", verify.verify),
    ("suite", suite.suite),
    ("locate", locate.locate),
    ("tune", tune.tune),
    ("run", run.run),
    ("inspect", inspect.inspect),
    ("compare", compare.compare),
    ("doctor", doctor.doctor),
):
    app.command(_name)(ends_well(_command))
app.add_typer(record.app, name="record")
# The options after SCRIPT or -m are the script's own, `--help` included, and so are its exit code and its exceptions.
app.command(
    "exec",
    context_settings={
        "allow_extra_args": True,
        "allow_interspersed_args": False,
        "ignore_unknown_options": True,
        "help_option_names": ["--help", "-h"],
    },
)(ends_as_its_script(execute.execute))


def _print_version(wanted: bool) -> None:
    if wanted:
        stdout().print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Verify that a converted PyTorch model predicts what its source predicts."""
