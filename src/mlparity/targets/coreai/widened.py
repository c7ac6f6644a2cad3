"""A Core AI program that also gives the values inside it; for the process in which Core AI's own runtime works."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_PREFIX = "mlparity_value_"
_MADE_OF = ("f16", "f32", "i1", "si32", "ui32", "si8", "ui8", "si64")
"""The element types of values that are asked for."""

_CONSTANT, _OUTPUT = "coreai.constant", "coreai.output"


@dataclass(frozen=True, slots=True)
class Traced:
    """The ops of `main` in order as (type, name, values read, values made), values by name, and which are constants.

    `outputs` are the names of the values that the program gives back, in order; `inputs` those that it takes.
    """

    ops: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]
    values: dict[str, np.ndarray]
    constants: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def traced(path: Path, run: Callable[[Path], dict[str, np.ndarray]]) -> Traced:
    """Return what each op of the program at `path` gives; `run` runs a saved program and returns its outputs."""
    from coreai.authoring import AIModelAsset, AIProgram

    program = AIModelAsset.load(path).program
    found = _Graph.of(program._module._mlir_module)
    asked = found.widen()
    with tempfile.TemporaryDirectory(prefix="mlparity-") as folder:
        place = Path(folder) / "widened.aimodel"
        AIProgram._from_mlir_module(found.module).save_asset(place)
        outputs = run(place)
    values = {own: outputs[name] for name, own in asked.items() if name in outputs}
    return Traced(found.ops(), values, tuple(found.constants), found.inputs, found.given_back)


@dataclass(slots=True)
class _Graph:
    """The function `main` of a program in MLIR."""

    module: Any
    graph: Any
    block: Any
    inputs: tuple[str, ...]
    given_back: tuple[str, ...] = ()
    constants: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, module: Any) -> _Graph:
        graphs = [each.operation for each in module.body.operations if each.operation.name == "coreai.graph"]
        graph = next((each for each in graphs if "main" in str(each.attributes["sym_name"])), graphs[-1])
        block = graph.regions[0].blocks[0]
        return cls(module, graph, block, tuple(each.get_name() for each in block.arguments))

    def ops(self) -> tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]:
        """Return the ops but constants and the last, which gives the outputs back."""
        kept = [each.operation for each in self.block.operations if each.operation.name not in (_CONSTANT, _OUTPUT)]
        return tuple(
            (
                op.name.removeprefix("coreai.").removeprefix("decomposable."),
                op.results[0].get_name() if len(op.results) else op.name,
                tuple(each.get_name() for each in op.operands),
                tuple(each.get_name() for each in op.results),
            )
            for op in kept
        )

    def widen(self) -> dict[str, str]:
        """Let the function give back every value of a known type; return the outputs' new names and the values'."""
        from coreai._compiler import ir

        last = next(each.operation for each in self.block.operations if each.operation.name == _OUTPUT)
        self.given_back = tuple(each.get_name() for each in last.operands)
        results = [result for each in self.block.operations for result in self._asked(each.operation)]
        names = {f"{_PREFIX}{place}": each.get_name() for place, each in enumerate(results)}
        operands = [*last.operands, *results]
        with self.module.context, ir.Location.unknown():
            with ir.InsertionPoint(last):
                ir.Operation.create(_OUTPUT, operands=operands)
            last.erase()
            self._declare(ir, [each.type for each in operands], list(names))
        return names

    def _asked(self, op: Any) -> Sequence[Any]:
        if op.name == _CONSTANT:
            self.constants.append(op.results[0].get_name())
        if op.name == _OUTPUT:
            return ()
        return [each for each in op.results if _is_asked(str(each.type))]

    def _declare(self, ir: Any, types: list[Any], names: list[str]) -> None:
        attributes = self.graph.attributes
        declared = ir.FunctionType(ir.TypeAttr(attributes["function_type"]).value)
        attributes["function_type"] = ir.TypeAttr.get(ir.FunctionType.get(list(declared.inputs), types))
        known = list(ir.ArrayAttr(attributes["res_attrs"]))
        added = [ir.DictAttr.get({"coreai.name": ir.StringAttr.get(name)}) for name in names]
        attributes["res_attrs"] = ir.ArrayAttr.get([*known, *added])


def _is_asked(kind: str) -> bool:
    """Tell whether a type is a tensor of known sizes and elements that the runtime gives back."""
    inner = kind.removeprefix("tensor<").removesuffix(">")
    *sizes, element = inner.split("x") if "x" in inner else [inner]
    return kind.startswith("tensor<") and element in _MADE_OF and all(each.isdigit() for each in sizes)
