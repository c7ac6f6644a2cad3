"""Texts of a record as Markdown shows them: nothing in them is markup."""

from __future__ import annotations

import re
import unicodedata

# What Markdown reads within a line; an underscore only at the edge of a word. No text of a record begins a line.
_SPECIAL = re.compile(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w))")


def escape(text: str) -> str:
    """Return text on one line that Markdown and the HTML within it show as it stands."""
    line = "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") else letter for letter in text)
    entities = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", entities)


def escape_code(line: str) -> str:
    """Return a line of code without letters that control a terminal or the direction of text."""
    return "".join(letter for letter in line if unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp"))
