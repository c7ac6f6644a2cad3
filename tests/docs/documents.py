"""The documents as headings and code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE_NAME = re.compile(r"# ([\w.-]+\.(?:py|toml))\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `file` is the name in a first line such as `# model.py`, or ""."""

    language: str
    text: str

    @property
    def file(self) -> str:
        named = _FILE_NAME.match(self.text)
        return "" if named is None else named[1]

    @property
    def is_setup(self) -> bool:
        """Whether it changes the environment, so that a test must not run it."""
        return self.language == "bash" and all(
            line.startswith(("pip install", "make ", "git clone", "cd ")) for line in self.text.splitlines()
        )


def blocks(document: str) -> list[Block]:
    """Return a document's fenced blocks in order."""
    return [Block(language, text) for language, text in _FENCE.findall((ROOT / document).read_text())]


def headings(document: str) -> list[int]:
    """Return the level of each heading, in order."""
    prose = _FENCE.sub("", (ROOT / document).read_text())
    return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]


def links(document: str) -> list[str]:
    """Return the relative links of a document."""
    prose = _FENCE.sub("", (ROOT / document).read_text())
    return [link for link in re.findall(r"\]\(([^)#]+)\)", prose) if "://" not in link]
