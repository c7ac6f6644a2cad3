"""The documentation builds as a site with no broken link, and its reference names all that is public."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import mlparity
from tests.docs.documents import ROOT

REFERENCE = ROOT / "docs/reference"


def test_the_site_builds_with_no_broken_link(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site/reference/functions.html").read_text()
    assert "nothing else is left behind" in page, "the docstring of verify"


def test_the_reference_names_each_public_name_once() -> None:
    pages = "".join(path.read_text() for path in sorted(REFERENCE.glob("*.md")))
    named = re.findall(r"^::: mlparity\.(\w+)$", pages, re.MULTILINE)
    assert sorted(named) == sorted({*mlparity.__all__} - {"__version__"})


def test_the_list_for_language_models_has_each_page() -> None:
    listed = re.findall(r"^- \[[^\]]+\]\((\S+)\)$", (ROOT / "docs/llms.txt").read_text(), re.MULTILINE)
    pages = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(pages)
