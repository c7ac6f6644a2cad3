"""The values of every op of an `.aimodel` on one sample."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from mlparity.core.errors import ExecutionError
from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.core.session import Sample
from mlparity.sessions.isolated import RefusedError
from mlparity.targets.coreai import session
from mlparity.targets.coreai.widened import Traced
from mlparity.targets.coreai.worker import Trace


def trace(path: Path, input_names: tuple[str, ...], output_names: tuple[str, ...], sample: Sample) -> GraphTrace:
    """Return what each op gives on a sample: a copy of the program gives back every value of it.

    Raises:
        ExecutionError: the runtime refuses the copy, crashes or takes too long.
        FormatError: as `session.open` does.
    """
    with session.open(path, input_names=input_names, output_names=output_names) as opened:
        inputs, outputs = opened.own_names
        arrays = {own: np.asarray(sample[name]) for name, own in inputs.items()}
        try:
            found = cast("Traced", opened.ask(Trace(path.absolute(), arrays)))
        except RefusedError as error:
            raise ExecutionError(
                "Core AI does not tell the values inside", where=str(path), found=str(error)
            ) from error
    given = dict(zip(inputs, found.inputs, strict=True))
    values = {**found.values, **{given[name]: arrays[own] for name, own in inputs.items()}}
    ops = tuple(GraphOp(*op) for op in found.ops)
    return GraphTrace(ops, values, frozenset(found.constants), given, dict(zip(outputs, found.outputs, strict=True)))
