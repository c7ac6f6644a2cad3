"""What Core ML refuses to load: one table of constraints, each with its source, and the check of a program against it.

`load_constraints.csv` says for which op (`*`: all; `model`: the description) and opsets a constraint holds, which
inputs it reads, and which rule of `load_rules` decides with which limit. A row of the rule `computed` refuses nothing:
it says what Core ML computes there, and the op does that.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.engine.mil.load_rules import MODEL_RULES, RULES, Call
from mlparity.engine.mil.program import Block, Function, Name, Op, Program, Value, ValueType

NO_RULE = "computed"
"""The rule of a row that refuses nothing."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One row: `inputs` and `limit` are what its rule reads, `first` and `last` the opsets for which it holds."""

    op: str
    first: int
    last: int
    inputs: tuple[str, ...]
    rule: str
    limit: str
    text: str
    source: str


@cache
def constraints() -> Mapping[str, tuple[Constraint, ...]]:
    """Return the rows of each op, in the order of the table."""
    found: dict[str, list[Constraint]] = {}
    with files(__package__).joinpath("load_constraints.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["op"], []).append(_constraint(row))
    return {op: tuple(rows) for op, rows in found.items()}


def check_loads(program: Program) -> None:
    """Raise if Core ML refuses to load `program`.

    Raises:
        FormatError: a constraint does not hold; the text names op, location, constraint and source.
    """
    for row in constraints()["model"]:
        found = MODEL_RULES[row.rule](program, row.inputs, row.limit)
        if found:
            raise _refused(row, program.path, "the description", found)
    for function in program.functions.values():
        for call in _calls(function):
            _check(call, program.path)


def _check(call: Call, path: Path) -> None:
    for row in (*constraints()["*"], *constraints().get(call.op.type, ())):
        if row.first <= call.opset <= row.last and row.rule != NO_RULE:
            found = RULES[row.rule](call, row.inputs, row.limit)
            if found:
                raise _refused(row, path, f"op {call.op.location!r} ({call.op.type})", found)


def _refused(row: Constraint, path: Path, part: str, found: str) -> FormatError:
    return FormatError(
        f"Core ML refuses to load this model: {part}",
        where=str(path),
        found=found,
        expected=row.text,
        next_step=f"convert the PyTorch source by mlparity, or rewrite the op; the constraint's source: {row.source}",
    )


def _calls(function: Function) -> Iterator[Call]:
    """Yield every op with what is known where it stands."""
    known = _Known({named.name: named.type for named in function.inputs}, {}, {named.name for named in function.inputs})
    yield from _calls_of(function.body, function.opset, known)


@dataclass(frozen=True, slots=True)
class _Known:
    """The types and the constants of all names so far, and the names that depend on inputs."""

    types: dict[str, ValueType]
    values: dict[str, Value]
    computed: set[str]


def _calls_of(block: Block, opset: int, known: _Known) -> Iterator[Call]:
    known.types.update({named.name: named.type for named in block.inputs})
    known.computed.update(named.name for named in block.inputs)
    for op in block.ops:
        known.types.update({output.name: output.type for output in op.outputs})
        if _is_constant(op):
            known.values[op.outputs[0].name] = op.attributes["val"]
        if any(
            isinstance(argument, Name) and argument.name in known.computed
            for given in op.inputs.values()
            for argument in given
        ):
            known.computed.update(output.name for output in op.outputs)
        for inner in op.blocks:
            yield from _calls_of(inner, opset, known)
        yield Call(op, opset, known.types, known.values, known.computed)


def _is_constant(op: Op) -> bool:
    return op.type == "const" and "val" in op.attributes and bool(op.outputs)


def _constraint(row: Mapping[str, str]) -> Constraint:
    first, _, last = row["opsets"].partition("-")
    return Constraint(
        row["op"],
        int(first) if first else 0,
        int(last) if last else 1000,
        tuple(row["inputs"].split()),
        row["rule"],
        row["limit"],
        row["constraint"],
        row["source"],
    )
