"""The words of a MIL text, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_WORD = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")
      |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*(?:[pP][-+]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf\b|nan\b))
      |(?P<name>[A-Za-z_]\w*)
      |(?P<mark>->|[<>()\[\]{},=;?]))""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its kind ("text", "number", "name" or "mark"), itself, and where it stands."""

    kind: str
    word: str
    at: int


def tokens_of(text: str) -> Iterator[Token]:
    """Yield the words of a text.

    Raises:
        ValueError: something that is no word.
    """
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _WORD.match(text, position)
        if found is None or found.lastgroup is None:
            raise ValueError(f"{text[position : position + 40]!r} at {position}")
        yield Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        position = found.end()


@dataclass(slots=True)
class Words:
    """The words that are still to be read."""

    tokens: list[Token]
    place: int = field(default=0)

    @property
    def next(self) -> str:
        """The next word, "" at the end."""
        return self.tokens[self.place].word if self.place < len(self.tokens) else ""

    @property
    def after_next(self) -> str:
        """The word behind the next one."""
        return self.tokens[self.place + 1].word if self.place + 1 < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        """Return the next word and go on; it has to be one of those that are `expected`, if any are.

        Raises:
            ValueError: it is another, or there is none.
        """
        if self.place >= len(self.tokens) or (expected and self.next not in expected):
            raise ValueError(f"{self.next!r} where {' or '.join(expected) or 'more'} is expected{self._at()}")
        self.place += 1
        return self.tokens[self.place - 1].word

    def take_kind(self, *kinds: str) -> str:
        """Return the next word, which has to be of one of these kinds.

        Raises:
            ValueError: it is of another.
        """
        if self.place >= len(self.tokens) or self.tokens[self.place].kind not in kinds:
            raise ValueError(f"{self.next!r} where a {' or '.join(kinds)} is expected{self._at()}")
        return self.take()

    def taken(self, word: str) -> bool:
        """Go on behind the next word if it is this one, and tell whether it was."""
        is_next = self.place < len(self.tokens) and self.tokens[self.place].word == word
        self.place += is_next
        return is_next

    def is_text(self) -> bool:
        """Tell whether the next word is a text in quotes."""
        return self.place < len(self.tokens) and self.tokens[self.place].kind == "text"

    def _at(self) -> str:
        return f", at {self.tokens[self.place].at}" if self.place < len(self.tokens) else ", at the end"


def text_in(word: str) -> str:
    """Return a text without its quotes."""
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), word[1:-1])


def number_in(word: str) -> float | int:
    """Return a number: decimal, or in C's form of base 16.

    Raises:
        ValueError: it is none.
    """
    plain = word.lower()
    if "0x" in plain:
        return float.fromhex(plain)
    return float(plain) if any(letter in plain for letter in ".en") else int(plain)
