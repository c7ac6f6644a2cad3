"""An artifact as data beside a source that really runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.change import Change
from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.diagnose.by_changes import Sides, Tries, found_by_changes
from mlparity.record.causes import Cause
from mlparity.sessions.torch import open as open_source
from mlparity.sessions.torch_changes import named_weights, run_changed
from mlparity.sessions.torch_trace import trace_source
from tests.loading import load_source

Arrays = Mapping[str, np.ndarray]


def sides_of(
    module: nn.Module | Source, samples: Sequence[Sample], found: Arrays, graph: GraphTrace | None = None
) -> Sides:
    """Return both sides on the first sample; `found` is what the artifact gives, `graph` what it is made of."""
    source = module if isinstance(module, Source) else load_source(module, samples[0])
    with open_source(source) as session:
        expected = session.run(samples[0])
    return Sides(
        tensors(found),
        tensors(expected),
        trace_source(source, samples[0]),
        graph,
        partial(rerun, source, samples[0]),
        lambda: [trace_source(source, other) for other in samples[1:]],
        named_weights(source),
    )


def causes_by_changes(sides: Sides) -> tuple[Cause, ...]:
    """Return the changes of the source that together give what the artifact gives, as causes."""
    return tuple(each.cause(sides) for each in found_by_changes(Tries(sides)))


def rerun(source: Source, sample: Sample, change: Change) -> dict[str, Tensor] | None:
    outputs = run_changed(source, sample, change)
    return None if outputs is None else tensors(outputs)


def tensors(arrays: Arrays) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def graph_of(
    steps: Sequence[tuple[str, tuple[str, ...], str]], values: Arrays, constants: Sequence[str] = ()
) -> GraphTrace:
    """Return a graph of ops (type, inputs, result) that takes `x` and gives its last result as `output`."""
    ops = tuple(GraphOp(kind, f"op_{result}", inputs, (result,)) for kind, inputs, result in steps)
    return GraphTrace(ops, values, frozenset(constants), {"x": "x"}, {"output": steps[-1][2]})
