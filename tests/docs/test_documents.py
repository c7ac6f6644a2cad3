"""What the documents show runs as it stands, and both READMEs say the same."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, blocks, headings, links

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
RUNNABLE = (ENGLISH, "docs/tutorial.md", *(f"docs/how-to/{path.name}" for path in (ROOT / "docs/how-to").glob("*.md")))
DOCUMENTS = (*RUNNABLE, CHINESE, "CONTRIBUTING.md", "CHANGELOG.md")

# Output and code for other machines; all else runs.
SHOWN_ONLY = {"text", "swift"}


# What the commands of a document need beyond the rest.
NEEDS = {"docs/how-to/move-from-core-ml-to-core-ai.md": "coreai_opt"}

RUN_BY = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


@pytest.mark.parametrize("document", RUNNABLE)
def test_every_code_block_runs(document: str, tmp_path: Path) -> None:
    if document in NEEDS and find_spec(NEEDS[document]) is None:
        pytest.skip(f"{NEEDS[document]} is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
    environment["MLPARITY_CACHE"] = str(tmp_path / "conversions")  # a reader's second command takes from there, too
    for block in blocks(document):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        if block.file or block.is_setup or block.language in SHOWN_ONLY:
            continue
        command = [*RUN_BY[block.language], block.text]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{document}:\n{block.text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("document", RUNNABLE)
def test_every_file_is_used_by_a_later_command(document: str) -> None:
    shown = blocks(document)
    for place, block in enumerate(shown):
        later = "".join(other.text for other in shown[place + 1 :] if other.language == "bash" and not other.is_setup)
        assert block.file in later


@pytest.mark.parametrize("document", DOCUMENTS)
def test_set_up_names_what_exists(document: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for block in blocks(document):
        if block.is_setup:
            extras = [name for names in re.findall(r"\[([\w,]+)\]", block.text) for name in names.split(",")]
            assert set(extras) <= set(project["optional-dependencies"])
            assert set(re.findall(r"^make (\w+)", block.text, re.MULTILINE)) <= set(targets)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    folder = (ROOT / document).parent
    assert [link for link in links(document) if not (folder / link).exists()] == []


def test_both_readmes_have_the_same_headings() -> None:
    assert headings(CHINESE) == headings(ENGLISH)


def test_both_readmes_have_the_same_blocks() -> None:
    assert blocks(CHINESE) == blocks(ENGLISH)


def test_both_readmes_have_the_same_figures_and_names() -> None:
    """Numbers and names in code style are not translated."""

    def facts(document: str) -> list[str]:
        text = (ROOT / document).read_text()
        return sorted(re.findall(r"`[^`\n]+`|\d+(?:\.\d+)?(?:e-\d+)?", re.sub(r"\]\([^)]*\)", "]", text)))

    assert facts(CHINESE) == facts(ENGLISH)


def test_both_readmes_have_the_same_links() -> None:
    others = {ENGLISH, CHINESE}
    assert [link for link in links(CHINESE) if link not in others] == [
        link for link in links(ENGLISH) if link not in others
    ]
