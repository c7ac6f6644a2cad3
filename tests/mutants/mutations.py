"""The mutations of a file: cosmic-ray finds and makes them, and those that say nothing of a test are left out.

Left out are texts (cosmic-ray has no operator for them), annotations, decorators, and what does not compile.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

from tests.mutants.rooms import ROOT

_BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul", "RShift_LShift")
_BITS = ("LShift_RShift", "BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd")
# Each equality turned about, and each bound moved by one; AddNot turns conditions about.
_COMPARED = ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")

OPERATORS = (
    *(f"core/ReplaceBinaryOperator_{each}" for each in (*_BINARY, *_BITS)),
    *(f"core/ReplaceComparisonOperator_{each}" for each in _COMPARED),
    *(f"core/ReplaceUnaryOperator_{each}" for each in ("Delete_Not", "Delete_USub", "Delete_Invert")),
    *(f"core/Replace{each}" for each in ("AndWithOr", "OrWithAnd", "TrueWithFalse", "FalseWithTrue")),
    *(f"core/Replace{each}" for each in ("BreakWithContinue", "ContinueWithBreak")),
    *(f"core/{each}" for each in ("AddNot", "ExceptionReplacer", "NumberReplacer", "ZeroIterationForLoop")),
)
"""The operators of cosmic-ray that are used: one or two for each place, rather than each by each."""

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of one file: the lines that it changes as they are and as they become, and the file's new text."""

    path: Path
    operator: str
    line: int
    was: str
    now: str
    text: str


def mutations_of(path: Path) -> Iterator[Mutation]:
    """Yield the mutations of a file that is given from the project's root."""
    source = (ROOT / path).read_text(encoding="utf-8")
    silent = tuple(_silent(ast.parse(source)))
    before = ""
    # One statement after the other: cosmic-ray parses anew for each mutation.
    for node in get_ast(source).children:
        code = node.get_code()
        above, after = before.count("\n"), source[len(before) + len(code) :]
        for operator, (line, column), changed in _changes(code):
            place = (above + line, column)
            text = f"{before}{changed}{after}"
            if not any(first <= place < last for first, last in silent):
                yield Mutation(path, operator.removeprefix("core/"), place[0], *_changed(source, text), text)
        before += code


def _changes(code: str) -> Iterator[tuple[str, Position, str]]:
    """Yield each operator's name with the place and the outcome of each change that it makes."""
    nodes, meaning = tuple(ast_nodes(get_ast(code))), _meaning(code)
    for operator in OPERATORS:
        made = get_operator(operator)()
        places = [place for node in nodes for place, _ in made.mutation_positions(node)]
        for occurrence, place in enumerate(places):
            changed = _mutated(code, made, occurrence)
            # Not the same number written in another way, such as 1e300 and a unit more.
            if changed and _meaning(changed) not in ("", meaning):
                yield operator, place, changed


def _silent(tree: ast.Module) -> Iterator[tuple[Position, Position]]:
    """Yield where a change says nothing of a test: annotations and their imports, decorators, marks of a signature."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from (_span(each) for each in node.decorator_list)
        if isinstance(node, ast.FunctionDef):
            defaults = [each for each in (*node.args.defaults, *node.args.kw_defaults) if each is not None]
            yield from _between((node.lineno, node.col_offset), defaults, _start(node.body[0]))
        if isinstance(node, ast.AnnAssign):
            yield _span(node.annotation)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield _span(node)


def _between(first: Position, kept: list[ast.expr], last: Position) -> Iterator[tuple[Position, Position]]:
    """Yield the parts of a signature around its default values."""
    for each in sorted(kept, key=_start):
        yield first, _start(each)
        first = _span(each)[1]
    yield first, last


def _start(node: ast.AST) -> Position:
    return node.lineno, node.col_offset  # type: ignore[attr-defined]


def _span(node: ast.AST) -> tuple[Position, Position]:
    return _start(node), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def _mutated(source: str, made: Operator, occurrence: int) -> str:
    try:
        return mutate_code(source, made, occurrence) or ""
    except AttributeError:  # the replacer of exceptions takes no dotted name
        return ""


def _meaning(code: str) -> str:
    """Return the syntax tree as text, "" for what does not compile."""
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return ""
    return ast.dump(ast.parse(code))


def _changed(source: str, text: str) -> tuple[str, str]:
    """Return the lines that differ, joined, of both texts."""
    old, new = source.splitlines(), text.splitlines()
    head = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    tail = next((at for at, pair in enumerate(zip(old[::-1], new[::-1], strict=False)) if pair[0] != pair[1]), 0)
    return tuple(" ".join(" ".join(each[head : len(each) - tail]).split()) for each in (old, new))  # type: ignore[return-value]
