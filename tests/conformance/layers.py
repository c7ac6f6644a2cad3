"""The table of neural networks' layers: what each becomes, and where it is tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlparity.engine.mil.spec import proto
from mlparity.engine.neural_network.table import CONTROL_FLOW, LOWERINGS, REFUSED
from tests.engine.neural_network.networks import read
from tests.engine.neural_network.test_layers import CASES, network_of

_DOORS = frozenset({"cast"})
"""Ops that stand at the inputs and outputs of every network."""

_APART: Mapping[str, str] = {
    **dict.fromkeys(CONTROL_FLOW, "tests/engine/neural_network/test_control_flow.py"),
    **{name: "tests/engine/neural_network/test_random.py" for name in LOWERINGS if name.startswith("random")},
    "categoricalDistribution": "tests/engine/neural_network/test_random.py",
}
"""Layers that no case table predicts, and the file that tests them."""

_BECOMES: Mapping[str, str] = {
    "branch": "`cond`",
    "categoricalDistribution": "`random_categorical`",
    "copy": "another name for its input",
    "loop": "`while_loop`",
    "loopBreak": "a variable of the loop",
    "loopContinue": "the end of the body's block",
}

HEAD = """
## Layers of neural networks

Every layer type of the specification (coremltools 9.0, `NeuralNetwork.proto`), the ops that its cases become, and how
many cases an oracle in fp64 decides (`tests/engine/neural_network/cases`), or the file that tests it.

| layer | becomes | cases |
| --- | --- | --- |
"""


def table() -> str:
    """Return the section of docs/ops.md."""
    names = [each.name for each in proto("NeuralNetwork").NeuralNetworkLayer.DESCRIPTOR.oneofs_by_name["layer"].fields]
    ops = _ops_by_layer()
    rows = [_row(name, ops.get(name, [])) for name in sorted(names)]
    foot = f"\n{len(names)} layer types: {len(names) - len(REFUSED)} run here, {len(REFUSED)} is refused.\n"
    return HEAD + "\n".join(rows) + "\n" + foot


def _row(name: str, ops: list[str]) -> str:
    if name in REFUSED:
        return f"| `{name}` | refused: {REFUSED[name]} | |"
    becomes = _BECOMES.get(name) or ", ".join(f"`{op}`" for op in ops) or f"`{_drawn(name)}`"
    count = sum(case.kind == name for case in CASES.values())
    return f"| `{name}` | {becomes} | {count or _APART[name]} |"


def _drawn(name: str) -> str:
    kinds = ("Bernoulli", "Normal", "Uniform")
    return next(f"random_{kind.lower()}" for kind in kinds if kind in name)


def _ops_by_layer() -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {}
    for case in CASES.values():
        ops = found.setdefault(case.kind, {})
        ops |= dict.fromkeys(_ops(read(network_of(case)).functions["main"].walk()))
    return {kind: sorted(ops) for kind, ops in found.items()}


def _ops(walked: Iterator[object]) -> Iterator[str]:
    for op in walked:
        name = getattr(op, "type", "")
        if name not in _DOORS and name != "const":
            yield name
