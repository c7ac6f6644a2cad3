"""A file read through a model: what is wrong is told by its key, in the model's words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from mlparity.core.errors import InputError
from mlparity.toml.table import A_TABLE, Fault, Flag, Number, Problem, Table, Text, expecting, problem, read_table


class Part(Table):
    share: Number = 0.5
    names: Annotated[dict[str, Number], A_TABLE] = Field(default={})


class Whole(Table):
    title: Text = "none"
    is_open: Flag = False
    count: Annotated[int, Field(ge=1), expecting("an integer of 1 or more")] = 1
    parts: Annotated[dict[str, Part], A_TABLE] = Field(default={})


class Caught(InputError):
    def __init__(self, problem: Problem) -> None:
        super().__init__("wrong", found=problem.found)
        self.problem = problem


def read(folder: Path, text: str | bytes) -> Whole:
    path = folder / "file.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path, Whole, Caught)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    whole = read(tmp_path, "parts.a.share = 1\ncount = 3")
    assert whole == Whole(count=3, parts={"a": Part(share=1.0)})
    assert whole.title == "none"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cuont = 1", Problem(Fault.KEY, "cuont", "cuont", "a known key: title, is_open, count, parts", "count")),
        ("x = 1\ny = 2", Problem(Fault.KEY, "x", "x, y", "a known key: title, is_open, count, parts")),
        ("parts.a.sahre = 1", Problem(Fault.KEY, "parts.a.sahre", "sahre", "a known key: share, names", "share")),
        ("parts.a = 1", Problem(Fault.VALUE, "parts.a", "1", "a table with share, names")),
        ("parts = [1]", Problem(Fault.VALUE, "parts", "[1]", "a table")),
        ("parts.a.names.b = true", Problem(Fault.VALUE, "parts.a.names.b", "True", "a finite number")),
        ("parts.a.share = inf", Problem(Fault.VALUE, "parts.a.share", "inf", "a finite number")),
        ("count = 1.0", Problem(Fault.VALUE, "count", "1.0", "an integer of 1 or more")),
        ("count = true", Problem(Fault.VALUE, "count", "True", "an integer of 1 or more")),
        ("count = 0", Problem(Fault.VALUE, "count", "0", "an integer of 1 or more")),
        ("title = ''", Problem(Fault.VALUE, "title", "''", "a text")),
        ("is_open = 1", Problem(Fault.VALUE, "is_open", "1", "true or false")),
    ],
)
def test_the_first_problem_is_told(tmp_path: Path, text: str, wanted: Problem) -> None:
    with pytest.raises(Caught) as caught:
        read(tmp_path, text)
    assert caught.value.problem == wanted


@pytest.mark.parametrize("text", ["count = ", "a = 1\na = 2", b"\xff\xfe", f"a = {'[' * 100_000}"])
def test_what_is_no_toml_is_told_as_a_problem_of_the_file(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(Caught) as caught:
        read(tmp_path, text)
    assert caught.value.problem.fault is Fault.FILE
    assert caught.value.problem.found


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Caught, match=r"No such file"):
        read_table(tmp_path / "none.toml", Whole, Caught)


def test_a_table_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Whole().count = 2


def test_advice_names_a_key_only_where_one_is_near() -> None:
    assert Problem(Fault.KEY, "a", "a", "b", "near").advice == "did you mean near?"
    assert Problem(Fault.KEY, "a", "a", "b").advice == ""
    assert problem("a number").message() == "a number"
