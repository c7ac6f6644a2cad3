"""A table for the terminal, whose texts show all that is in them."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
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
    """A table whose cells are one line each."""

    def __init__(self, *names: str, **options: Any) -> None:
        """Begin a table with these columns; `options` are those of rich."""
        super().__init__(*names, box=None, pad_edge=False, header_style="bold", **options)

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row."""
        super().add_row(*(visible(shortened(cell)) if isinstance(cell, str) else cell for cell in cells), **options)
