"""The errors of an artifact's ops as a graph's viewer shows them, node by node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeError:
    """The errors at one node of a graph: root mean squares, divided by that of the exact value.

    `node` is the node's name or the value's, as the graph has it. `local` is the error that the source's ops up to here
    do not explain when they get the artifact's own values; `accumulated` is how far the value is from the source's in
    fp64. Both are infinite where a NaN or an infinity has no equal.
    """

    node: str
    type: str
    local: float
    accumulated: float


@dataclass(frozen=True, slots=True)
class GraphErrors:
    """The errors of one artifact on one sample, by the nodes of a graph that viewers open.

    `graph` is the file of the graph, the artifact's own or the source's. The artifact's ops give `values` of numbers;
    those that have no counterpart in the source are not in `nodes`.
    """

    graph: str
    artifact: str
    sample: str
    values: int
    nodes: tuple[NodeError, ...]
