from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlparity.core.errors import SourceError
from mlparity.core.user_code import importable
from mlparity.sources.entry import is_entry, resolve


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("package.module:factory", True),
        ("some/file.py:Class.method", True),
        ("model.pt2", False),
        ("file.py:", False),
        (":factory", False),
        ("file.py:two words", False),
    ],
)
def test_an_entry_is_a_place_a_colon_and_a_name(spec: str, expected: bool) -> None:
    assert is_entry(spec) is expected


def test_an_existing_file_with_a_colon_in_its_name_is_no_entry(tmp_path: Path) -> None:
    odd = tmp_path / "model:v2"
    odd.write_text("")
    assert not is_entry(str(odd))


def test_a_dotted_name_is_followed() -> None:
    assert resolve("pathlib:Path.cwd") == Path.cwd


def test_a_file_imports_its_neighbours_and_leaves_the_import_path_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_entry.py").write_text("VALUE = 7\n")
    (tmp_path / "entry.py").write_text("from neighbour_of_entry import VALUE\n")
    before = list(sys.path)
    assert resolve(f"{tmp_path / 'entry.py'}:VALUE") == 7
    assert sys.path == before


def test_two_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "same.py").write_text(f"VALUE = {number}\n")
    assert [resolve(f"{tmp_path / str(number) / 'same.py'}:VALUE") for number in (1, 2)] == [1, 2]


def test_the_import_path_is_restored_after_an_error(tmp_path: Path) -> None:
    before = list(sys.path)
    with pytest.raises(ZeroDivisionError), importable(tmp_path):
        _ = 1 / 0
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("raise ValueError('no weights here')\n", "ValueError: no weights here"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why_and_where(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(SourceError, match="cannot be imported") as caught:
        resolve(f"{tmp_path / 'bad.py'}:make")
    assert found in caught.value.found
    assert "raised at" in caught.value.where


def test_a_missing_name_lists_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("def big(): ...\ndef small(): ...\n")
    with pytest.raises(SourceError, match="has no medium") as caught:
        resolve(f"{tmp_path / 'models.py'}:medium")
    assert caught.value.found == "big, small"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SourceError, match=r"there is no file nowhere\.py"):
        resolve("nowhere.py:make")
