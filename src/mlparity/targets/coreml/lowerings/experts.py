"""Mixtures of experts: counting rows for each expert, and the product of each row with its expert's matrix."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering


@lowering("histc", "self bins min max")
def histc(call: Call) -> Var:
    """Lower `histc`: how many values lie in each of `bins` intervals of equal width; others are not counted.

    Raises:
        ValueError: the bounds are left to the values, which are only known when the model runs.
    """
    bins, low, high = call.constant("bins", 100), call.constant("min", 0), call.constant("max", 0)
    if low >= high:
        raise ValueError("histc without bounds depends on the inputs")
    x = mb.reshape(x=mb.cast(x=call.tensor("self"), dtype="fp32"), shape=[-1, 1])
    scaled = mb.floor(x=mb.mul(x=mb.real_div(x=mb.sub(x=x, y=float(low)), y=float(high - low)), y=float(bins)))
    last = mb.equal(x=x, y=float(high))  # the upper bound itself belongs to the last interval
    interval = mb.select(cond=last, a=np.float32(bins - 1), b=scaled)
    hits = mb.cast(x=mb.equal(x=interval, y=np.arange(bins, dtype=np.float32)[None]), dtype="fp32")
    return mb.reduce_sum(x=hits, axes=[0], name=call.node.name)


@lowering("_grouped_mm", "self mat2 offs bias out_dtype")
def grouped_mm(call: Call) -> Var:
    """Lower the product of consecutive groups of rows with one matrix each."""
    return _grouped(call, call.tensor("self"), call.tensor("mat2"), call.tensor("offs"))


@lowering("transformers::grouped_mm_fallback", "input weight offs")
def grouped_mm_of_transformers(call: Call) -> Var:
    """Lower transformers' own op for the same, which it uses where PyTorch's does not fit."""
    return _grouped(call, call.tensor("input"), call.tensor("weight"), call.tensor("offs"))


def _grouped(call: Call, rows: Var, matrices: Var, ends: Var) -> Var:
    """Multiply every row with every matrix and keep what belongs together: Core ML has no ragged product.

    Shape: rows (n, k), matrices (e, k, m), ends (e,) gives (n, m). A row behind the last end gives 0.
    """
    if rows.rank != 2 or matrices.rank != 3:
        raise ValueError(f"{call.node.kind} is lowered for rows and a stack of matrices, not for two of one kind")
    count = int(rows.shape[0])
    row = np.arange(count, dtype=np.int32)[None]
    end = mb.expand_dims(x=mb.cast(x=ends, dtype="int32"), axes=[1])
    before = mb.cast(x=mb.less(x=row, y=end), dtype="int32")  # 1 from the row's own expert on
    earlier = mb.slice_by_index(x=before, begin=[0, 0], end=[-1, 0], end_mask=[False, True])
    shifted = mb.concat(values=[np.zeros((1, count), np.int32), earlier], axis=0)
    own = mb.expand_dims(x=mb.not_equal(x=before, y=shifted), axes=[2])
    products = mb.matmul(x=mb.expand_dims(x=rows, axes=[0]), y=matrices)
    kept = mb.select(cond=own, a=products, b=np.float32(0))
    return mb.reduce_sum(x=kept, axes=[0], name=call.node.name)
