"""`mlparity doctor`: what is installed, and what this machine can do."""

from __future__ import annotations

from mlparity.cli.terminal import stdout
from mlparity.core.words import Verdict
from mlparity.report.machine import ability_lines, extra_lines, packages_table


def doctor() -> Verdict:
    """Show what is installed, what each extra would add, and which settings can be measured, computed or emulated here.

    Exit code: 0 all that is needed is installed, 1 a package is missing or has a version that does not fit.
    """
    from mlparity import api

    console, found = stdout(), api.machine()
    console.print(f"mlparity {found.mlparity}, Python {found.python}, {found.platform}, {found.processors} processors")
    console.print()
    console.print(packages_table(found))
    for title, lines in (("Extras", extra_lines(found)), ("Settings", ability_lines(found))):
        texts = list(lines)
        if texts:
            console.print()
            console.print(title, style="bold")
            for text in texts:
                console.print(text)
    return Verdict.PASS if found.is_sound else Verdict.FAIL
