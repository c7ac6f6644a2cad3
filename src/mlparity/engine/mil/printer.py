"""A program as text that people read: one line an op, large constants by type only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlparity.engine.mil.program import Argument, Block, Function, Name, Op, Program, Value

_MAX_SHOWN = 8


def print_program(program: Program) -> str:
    """Return the program's text, functions in order of name."""
    return "\n\n".join("\n".join(_function(function)) for function in program.functions.values())


def _function(function: Function) -> Iterator[str]:
    inputs = ", ".join(f"%{named.name}: {named.type}" for named in function.inputs)
    yield f"func {function.name}<iOS{function.opset}>({inputs}) {{"
    yield from _block(function.body, "  ")
    yield "}"


def _block(block: Block, indent: str) -> Iterator[str]:
    for op in block.ops:
        yield from _op(op, indent)
    yield f"{indent}return {', '.join('%' + name for name in block.outputs)}"


def _op(op: Op, indent: str) -> Iterator[str]:
    outputs = ", ".join(f"%{output.name}: {output.type}" for output in op.outputs)
    shown = {"val": (op.attributes["val"],)} if op.type == "const" and "val" in op.attributes else op.inputs
    inputs = ", ".join(f"{key}={_arguments(arguments)}" for key, arguments in shown.items())
    # Messages and reports name an op by its location, which may be none of its outputs.
    name = "" if op.location in (op.type, *(output.name for output in op.outputs)) else f"  # {op.location}"
    yield f"{indent}{outputs} = {op.type}({inputs})" + (" {" if op.blocks else "") + name
    for block in op.blocks:
        yield from _block(block, indent + "  ")
        yield indent + "}"


def _arguments(arguments: tuple[Argument, ...]) -> str:
    texts = [_argument(argument) for argument in arguments]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _argument(argument: Argument) -> str:
    return f"%{argument.name}" if isinstance(argument, Name) else _value(argument)


def _value(value: Value) -> str:
    if isinstance(value.data, np.ndarray):
        return str(value.data.tolist()) if value.data.size <= _MAX_SHOWN else f"<{value.type}>"
    text = repr(value.data)
    return text if len(text) <= 10 * _MAX_SHOWN else f"<{value.type}>"
