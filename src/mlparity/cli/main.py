"""The `mlparity` command: a small process that watches the one which does the work, and tells its exit code.

Nothing else is imported here: the watching process needs none of it.
"""

from __future__ import annotations

import sys

from mlparity.cli import watch

_ANSWERS_AT_ONCE = "-"
_IS_A_SCRIPT = "exec"


def main() -> None:
    """Run the command line; see `ending` for the exit codes.

    `mlparity exec` is the user's script and ends as that does: nobody watches it, nor a process under a debugger.
    """
    first = "".join(sys.argv[1:2])
    watched = first and not first.startswith(_ANSWERS_AT_ONCE) and first != _IS_A_SCRIPT
    if watched and watch.is_possible():
        sys.exit(_watched())
    if first == _IS_A_SCRIPT:
        from mlparity.cli.app import app

        app()
    from mlparity.cli.work import run

    sys.exit(run())


def _watched() -> int:
    try:
        return watch.watched(sys.argv)
    except OSError as refusal:
        _tell_of(refusal)
        return watch.ENDED_BY_OTHERS


def _tell_of(refusal: OSError) -> None:
    try:
        from mlparity.cli.lost import tell_of_refusal
    except OSError:  # where no file can be opened, no word can be said
        return
    tell_of_refusal(refusal)


def __getattr__(name: str) -> object:
    """Return the Typer application as `app` (PEP 562)."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlparity.cli.app import app

    return app
