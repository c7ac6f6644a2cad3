"""A TOML file read through a model: the model's fields are the file's keys, and the only list of them.

What a value has to be is said in our words, where the value is declared (`expecting`), or where it is checked
(`problem`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mlparity.core.errors import MlparityError
from mlparity.core.numbers import value_text
from mlparity.core.regular_files import SMALL, read_regular


class Fault(StrEnum):
    """What is wrong with a file: it cannot be read, a key is not known, or a value cannot be used."""

    FILE = "file"
    KEY = "key"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that is wrong with a file; `where` is a key after the tables that it is in."""

    fault: Fault
    where: str
    found: str
    expected: str
    nearest: str = ""

    @property
    def advice(self) -> str:
        """Return the next step where a key looks like a known one, or ""."""
        return f"did you mean {self.nearest}?" if self.nearest else ""


class Table(BaseModel):
    """A table of a file. A value has exactly the type that its field declares: no text stands for a number."""

    model_config = ConfigDict(strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, value: object) -> object:
        names = tuple(cls.model_fields)
        return check_keys(value, names, "key", f"a table with {', '.join(names)}")


T = TypeVar("T", bound=Table)


def read_table(path: Path, model: type[T], error_of: Callable[[Problem], MlparityError], context: object = None) -> T:
    """Return the file at `path` as `model`; `context` is for the model's own checks.

    Raises:
        MlparityError: what `error_of` makes of the first problem.
    """
    try:
        table = tomllib.loads(read_regular(path, limit=SMALL).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise error_of(Problem(Fault.FILE, "", str(error), "a TOML file")) from error
    try:
        return model.model_validate(table, context=context)
    except ValidationError as error:
        raise error_of(_first_problem(error)) from error


def problem(
    expected: str, *, key: str = "", found: str = "", fault: Fault = Fault.VALUE, nearest: str = ""
) -> PydanticCustomError:
    """Return the error that a check raises; `key` is below the value that is checked, `found` that of the key."""
    parts = {"expected": expected, "key": key, "found": found, "fault": str(fault), "nearest": nearest}
    return PydanticCustomError("problem", "{expected}", parts)


def expecting(expected: str) -> WrapValidator:
    """Return what makes any error in a value, or in a part of it, say what was expected of the whole."""

    def check(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        try:
            return handler(value)
        except ValidationError:
            raise problem(expected) from None

    return WrapValidator(check)


def check_keys(value: object, known: Iterable[str], noun: str, table: str = "a table") -> object:
    """Return `value`, a table whose keys are all known; `noun` and `table` say what was expected of them and of it."""
    if not isinstance(value, dict):
        raise problem(table)
    names = tuple(known)
    unknown = [key for key in value if key not in names]
    if unknown:
        near = next((match for key in unknown for match in get_close_matches(key, names, n=1)), "")
        expected = f"a known {noun}: {', '.join(names)}"
        raise problem(expected, key=unknown[0], found=", ".join(unknown), fault=Fault.KEY, nearest=near)
    return value


def _check_table(value: object) -> object:
    if not isinstance(value, dict):
        raise problem("a table")
    return value


A_TABLE = BeforeValidator(_check_table)
"""What a field is that maps free names to tables."""


def keys_among(known: Iterable[str], noun: str, table: str) -> BeforeValidator:
    """Return `check_keys` for a field that is a mapping."""
    names = tuple(known)
    return BeforeValidator(lambda value: check_keys(value, names, noun, table))


Number = Annotated[float, Field(allow_inf_nan=False), expecting("a finite number")]
Text = Annotated[str, Field(min_length=1), expecting("a text")]
Flag = Annotated[bool, expecting("true or false")]


def _first_problem(error: ValidationError) -> Problem:
    first: Any = error.errors(include_url=False)[0]
    parts = first.get("ctx", {})
    keys = [*map(str, first["loc"]), *filter(None, [parts.get("key")])]
    given = "nothing" if first["input"] is None or parts.get("key") else value_text(first["input"])
    return Problem(
        Fault(parts.get("fault", Fault.VALUE)),
        ".".join(keys),
        parts.get("found") or given,
        parts.get("expected") or first["msg"],
        parts.get("nearest", ""),
    )
