"""Which texts of an exported program are what they should be: a shape, a guard or an op, and no other Python."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

import torch

_LENGTH = 20_000
_EXPONENT = 64

_FUNCTIONS = re.compile(
    r"Max|Min|Abs|Mod|PythonMod|FloorDiv|CleanDiv|CeilDiv|IntTrueDiv|FloatTrueDiv|ModularIndexing|Where|Piecewise"
    r"|CeilToInt|FloorToInt|TruncToInt|TruncToFloat|RoundToInt|RoundDecimal|ToFloat|LShift|RShift|PowByNatural"
    r"|FloatPow|Pow|Identity|Integer|Float|Rational|Symbol|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|floor|ceiling|sqrt"
    r"|Add|Mul|Equality|Unequality|Relational|GreaterThan|StrictGreaterThan|LessThan|StrictLessThan|Dummy"
    r"|ExprCondPair|Tuple|OpaqueUnaryFn_\w+|Bitwise\w+|max|min|abs|int|float|bool"
)
"""What shapes are written with. Source: torch 2.13, `torch/utils/_sympy/functions.py`, and sympy's own names."""

_METHODS = {"size", "stride", "storage_offset", "ndimension", "dim", "numel", "floor", "ceil", "trunc", "sqrt"}
_OPERATORS = {
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg", "pos", "abs", "lshift", "rshift"),
    *("and_", "or_", "xor", "not_", "invert", "inv", "eq", "ne", "lt", "le", "gt", "ge", "truth", "is_", "is_not"),
    *("getitem", "index"),
}
_ARITHMETIC = (
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Tuple, ast.Load),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_KEY = re.compile(r"[\w.+-]*")
_TEXTS = {"Symbol", "Dummy", "Integer", "Float"}
_NUMBERS = {"Integer", "Rational"}
_POWERS = {"Pow", "PowByNatural", "FloatPow"}
_SYMBOLIC = re.compile(r"torch\.(_sym_|sym_)\w+")
_REGISTERED = re.compile(r"torch\.ops(\.\w+){2,3}")
_FILES = {"from_file"}
"""Ops that open a file by a name in the program."""


def is_expression(text: str) -> bool:
    """Return whether `text` is a shape such as `2*s0 + Max(1, s1)`: sympy evaluates it as Python."""
    return _parsed(text, is_guard=False)


def is_guard(text: str) -> bool:
    """Return whether `text` is a condition on the inputs such as `L['x'].size()[0] >= 2`."""
    return _parsed(text, is_guard=True)


def is_operator(text: str) -> bool:
    """Return whether `text` names an op that PyTorch has registered, or arithmetic on numbers.

    PyTorch looks a name up attribute by attribute, so that `torch.os.system` would be found too.
    """
    home, _, name = text.partition(".")
    if home == "_operator":
        return name in _OPERATORS
    if home == "math":
        return name.isidentifier() and not name.startswith("_")
    return bool(_SYMBOLIC.fullmatch(text)) or (bool(_REGISTERED.fullmatch(text)) and _is_op(text))


def _is_op(text: str) -> bool:
    found: Any = torch.ops
    for name in text.split(".")[2:]:
        found = getattr(found, name, None)
    # An op that is not there is refused by PyTorch in its own words.
    is_op = found is None or isinstance(found, torch._ops.OperatorBase)
    return is_op and not _FILES & {*text.split(".")}


def _parsed(text: str, *, is_guard: bool) -> bool:
    if len(text) > _LENGTH:
        return False
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _Grammar(is_guard).takes(tree.body)


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Which syntax a text may have; what is not named here is refused."""

    is_guard: bool

    def takes(self, node: ast.AST) -> bool:
        """Return whether `node` and all below it is of the grammar."""
        if isinstance(node, ast.Call):
            return self._takes_call(node)
        if isinstance(node, ast.Name):
            return not node.id.startswith("_")
        if isinstance(node, ast.Constant):
            return isinstance(node.value, int | float)
        if isinstance(node, ast.Subscript):
            return self.is_guard and self.takes(node.value) and (_is_key(node.slice) or self.takes(node.slice))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _is_small(node.right):
            return False
        return isinstance(node, _ARITHMETIC) and all(map(self.takes, ast.iter_child_nodes(node)))

    def _takes_call(self, node: ast.Call) -> bool:
        if isinstance(node.func, ast.Attribute):
            return self.is_guard and node.func.attr in _METHODS and self.takes(node.func.value) and not node.args
        if not isinstance(node.func, ast.Name) or not _FUNCTIONS.fullmatch(node.func.id):
            return False
        if node.func.id in _POWERS and not all(map(_is_small, node.args[1:])):
            return False
        # Sympy evaluates a text as Python, but for those that it takes as a name or a number.
        takes_text = node.func.id in _TEXTS
        known = all(
            isinstance(keyword.value, ast.Constant) and not isinstance(keyword.value.value, str)
            for keyword in node.keywords
        )
        return known and all((takes_text and _is_key(argument)) or self.takes(argument) for argument in node.args)


def _is_key(node: ast.AST) -> bool:
    # A guard's is also written into a text between quotes.
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_KEY.fullmatch(node.value))


def _is_small(node: ast.AST) -> bool:
    """Return whether an exponent is a small number, so that no power takes for ever."""
    parts = list(ast.walk(node))
    numbers = [part.value for part in parts if isinstance(part, ast.Constant)]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    is_plain = not any(isinstance(part, ast.operator) for part in parts) and set(names) <= _NUMBERS
    return is_plain and all(isinstance(part, int | float) and abs(part) <= _EXPONENT for part in numbers)
