"""A table for the terminal, whose texts show all that is in them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table

from mlparity.core.errors import shortened


def visible(text: str, keep: str = "") -> str:
    r"""Return `text` with each character that cannot be seen as its escape, such as `\x1b`; those of `keep` stay."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep else _escape(character) for character in text
    )


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


class Rows(Table):
    """A table whose cells are one line each; where it is too wide, it does without its `expendable` columns."""

    def __init__(self, *names: str, expendable: Sequence[str] = (), **options: Any) -> None:
        """Begin a table with these columns, of which those that matter least are named first in `expendable`.

        `options` are those of rich.
        """
        self.expendable = tuple(expendable)
        super().__init__(*names, box=None, pad_edge=False, header_style="bold", **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row."""
        super().add_row(*(visible(shortened(cell)) if isinstance(cell, str) else cell for cell in cells), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table in the width that there is, and under it the names of the columns that it leaves out."""
        shown, left_out = self, []
        for name in self.expendable:
            if Measurement.get(console, options.update(max_width=_ANY_WIDTH), shown).maximum <= options.max_width:
                break
            if name in {column.header for column in shown.columns}:
                shown = shown._without(name)
                left_out.append(name)
        yield from super(Rows, shown).__rich_console__(console, options)
        if left_out:
            yield f"(a wider terminal also shows: {', '.join(left_out)})"

    def _without(self, name: str) -> Rows:
        other = copy(self)
        kept = (column for column in self.columns if column.header != name)
        other.columns = [replace(column, _index=index) for index, column in enumerate(kept)]
        return other


_ANY_WIDTH = 10_000
