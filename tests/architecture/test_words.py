"""One word for one thing: what the glossary calls by a former name is called so nowhere else."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.architecture.modules import ROOT

RETIRED: dict[str, str] = tomllib.loads((ROOT / "tests/architecture/retired.toml").read_text())["words"]
GLOSSARY = "docs/glossary.md"
# Where earlier words may stand: in what lists them, in decisions of their time, and in names of Apple's own tests.
EXEMPT = (GLOSSARY, "docs/decisions/", "docs/conformance.md", "tests/architecture/")
TEXTS = {".py", ".pyi", ".md", ".j2", ".css", ".js", ".toml", ".yml"}


def texts() -> dict[str, str]:
    """Return the project's own texts by path, but links to decisions, whose names are of their time."""
    listed = subprocess.run(
        ["git", "ls-files", "src", "docs", "*.md"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    paths = [path for path in listed.stdout.splitlines() if Path(path).suffix in TEXTS and not path.startswith(EXEMPT)]
    return {path: re.sub(r"decisions/[\w-]+\.md", "", (ROOT / path).read_text(encoding="utf-8")) for path in paths}


@pytest.mark.parametrize("pattern", RETIRED)
def test_a_retired_word_stands_nowhere(pattern: str) -> None:
    word = re.compile(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])")
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if word.search(line)
    ]
    assert found == [], f"say {RETIRED[pattern]}"


def test_every_term_is_defined_once() -> None:
    rows = [line.split("|")[1:-1] for line in (ROOT / GLOSSARY).read_text().splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert all(len(row) == 3 and row[0] and row[1] for row in cells)
    terms = [row[0] for row in cells]
    former = [word for row in cells for word in row[2].split(", ") if word]
    assert len({*terms}) == len(terms)
    assert not {*terms} & {*former}
    assert {"provenance", "variant", "unit profile", "drift", "not applicable"} <= {*terms}
