"""What passes over an exported program share: new calls, new constants, and the values that it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from torch import Tensor, fx
from torch._guards import detect_fake_mode
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

_HELD = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)

Values = dict[fx.Node, object]


def call(graph: fx.Graph, op: Callable[..., Any], *arguments: Any, **named: Any) -> fx.Node:
    """Add a call at the graph's point of insertion, with the meta value that PyTorch and later passes rely on."""
    made = graph.call_function(op, arguments, named)
    plain, kept = fx.map_arg((arguments, named), lambda source: source.meta["val"])
    first = next(source for source in made.all_input_nodes)
    made.meta = {**first.meta, "val": op(*plain, **kept)}
    return made


def add_constant(program: ExportedProgram, name: str, value: Tensor, meta: Mapping[str, Any]) -> fx.Node:
    """Add an attribute with a value and return a node for it, at the graph's point of insertion."""
    module = program.graph_module
    free = next(candidate for number in count() if not hasattr(module, candidate := f"{name}_{number}"))
    module.register_buffer(free, value, persistent=False)
    program.constants[free] = value  # PyTorch checks that each attribute is among the constants
    constant: fx.Node = module.graph.get_attr(free)
    mode = detect_fake_mode([node.meta.get("val") for node in module.graph.nodes])
    constant.meta = {**meta, "val": value if mode is None else mode.from_tensor(value, static_shapes=True)}
    return constant


def held_values(program: ExportedProgram) -> Values:
    """Return the values of parameters, of buffers that no run changes, and of attributes."""
    changed = set(program.graph_signature.buffers_to_mutate.values())
    held = {**program.state_dict, **program.constants}
    lifted = {
        spec.arg.name: held.get(spec.target)
        for spec in program.graph_signature.input_specs
        if spec.kind in _HELD and spec.target is not None and spec.target not in changed
    }
    values: Values = {}
    for node in program.graph_module.graph.nodes:
        value = lifted.get(node.name) if node.op == "placeholder" else _attribute(program.graph_module, node)
        if isinstance(value, Tensor):
            values[node] = value.detach()
    return values


def _attribute(module: fx.GraphModule, node: fx.Node) -> object:
    return getattr(module, str(node.target), None) if node.op == "get_attr" else None
