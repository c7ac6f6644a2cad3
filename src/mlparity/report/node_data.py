"""The errors of ops as node data for Model Explorer, which shows them on the graph of a model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mlparity.core.writing import write_whole
from mlparity.record.op_errors import GraphErrors, NodeError
from mlparity.record.record import Record

# Source: https://github.com/google-ai-edge/model-explorer/wiki/6.-Develop-Custom-Node-Data-Provider and
# node_data_builder.py of ai-edge-model-explorer 0.1.34.

NODE_DATA = "model_explorer"
"""The folder that node data lie in, beside the record."""

_COLOURS = ((1e-6, "#e3f5ec"), (1e-4, "#c9e7a5"), (1e-3, "#ffe9a8"), (1e-2, "#ffc48a"), (1e-1, "#ff9c8f"))
_WORST = (sys.float_info.max, "#d9534f")
"""What a node is drawn in, up to which error (assumed: fp32 rounds to 6e-8, fp16 to 5e-4)."""


def node_data_files(record: Record) -> dict[str, str]:
    """Return the files of node data by name: for each graph and artifact one of each kind of error."""
    return {
        f"{stem}.{kind}.json": _node_data(each, kind)
        for each in record.graph_errors
        for stem in (_stem(each),)
        for kind in ("local_error", "accumulated_error")
    }


def write_node_data(record: Record, folder: Path) -> tuple[Path, ...]:
    """Write the node data of a record into their own folder; none without errors of ops.

    Raises:
        OutputError: a file cannot be written.
    """
    files = node_data_files(record)
    paths = tuple(folder / NODE_DATA / name for name in files)
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        write_whole(path, text.encode())
    return paths


def _stem(errors: GraphErrors) -> str:
    return errors.graph if errors.graph == errors.artifact else f"{errors.graph}.{errors.artifact}"


def _node_data(errors: GraphErrors, kind: str) -> str:
    results = {node.node: {"value": _finite(_value(node, kind))} for node in errors.nodes}
    thresholds = [{"value": value, "bgColor": colour} for value, colour in (*_COLOURS, _WORST)]
    name = f"{kind.replace('_', ' ')} of {errors.artifact}, {len(errors.nodes)} of {errors.values} values"
    return json.dumps({"name": name, "results": results, "thresholds": thresholds}, indent=1, allow_nan=False) + "\n"


def _value(node: NodeError, kind: str) -> float:
    return node.local if kind == "local_error" else node.accumulated


def _finite(value: float) -> float:
    """Return the largest number for what is not finite, which JSON has no number for."""
    return value if -sys.float_info.max <= value <= sys.float_info.max else sys.float_info.max
