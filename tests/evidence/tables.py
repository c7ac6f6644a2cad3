"""Tables of published measurements, read from CSV files."""

from __future__ import annotations

import ast
import csv
import math
import operator
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mlparity.core.errors import InputError
from mlparity.engine.numerics import CHIPS, Processor
from mlparity.engine.numerics.unit_profiles import UnitProfile, leading


def rows_of(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a table that has these columns, and perhaps more.

    Raises:
        InputError: no such file, or columns are missing.
    """
    csv.field_size_limit(sys.maxsize)
    if not path.is_file():
        raise InputError("the table of published figures does not exist", found=str(path), expected="a CSV file")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        lacking = [name for name in columns if name not in (reader.fieldnames or ())]
        if lacking:
            raise InputError(
                f"the table {path} lacks columns",
                found=", ".join(lacking),
                expected=", ".join(columns),
                next_step="write it in the form of the tables in tests/evidence",
            )
        return list(reader)


def value_of(said: str) -> float:
    """Return a number as tables print it: decimal, or with powers, such as 2^-24, -1.5*2^-13 or 2^11+1.

    Raises:
        ValueError: it is written otherwise.
    """
    try:
        return float(said)
    except ValueError:
        try:
            return _evaluated(ast.parse(said.strip().replace("^", "**"), mode="eval").body)
        except (SyntaxError, ArithmeticError) as error:
            raise ValueError(f"no number: {said!r}") from error


_WAYS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}


def _evaluated(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_evaluated(inner)
        case ast.BinOp(left=left, op=way, right=right) if type(way) in _WAYS:
            return _WAYS[type(way)](_evaluated(left), _evaluated(right))
    raise ValueError(f"no number: {ast.unparse(node)}")


def unit_profile_of(row: Mapping[str, str]) -> UnitProfile:
    """Return the leading unit profile for the row's unit and chip; M6's where the chip is not stated.

    Raises:
        InputError: a unit or a chip that nothing is known of.
    """
    processors = {"ane": Processor.NE, "cpu": Processor.CPU, "gpu": Processor.GPU}
    if row["unit"] not in processors:
        raise unknown(row, "unit", ", ".join(processors))
    said = re.match(r"[AM]\d+", row["chip"])
    chip = said.group() if said else "M6"
    if chip not in CHIPS:
        raise unknown(row, "chip", "M1 to M6, perhaps with more words behind")
    return leading(processors[row["unit"]], chip)


def unknown(row: Mapping[str, str], column: str, expected: str) -> InputError:
    """Return the error of a row of whose column nothing is known."""
    return InputError(
        f"row {row.get('id') or row['op']!r} has a {column} that nothing is known of",
        found=repr(row[column]),
        expected=expected,
        next_step="correct the row, or leave it out",
    )
