"""Variances and deviations, and what is made of norms."""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_PARAMETERS = "self dim correction keepdim unbiased"


@lowering("var var.dim var.correction", _PARAMETERS, replaces=True)
def var(call: Call) -> Var:
    """Lower `var`; of a trace coremltools' own takes every correction for 1, and of all elements none for 1."""
    return _variance(call, name=call.node.name)


@lowering("std std.dim std.correction", _PARAMETERS, replaces=True)
def std(call: Call) -> Var:
    """Lower `std` likewise."""
    return mb.sqrt(x=_variance(call), name=call.node.name)


def _variance(call: Call, **named: Any) -> Var:
    """Return the mean square of what lies beside the mean, times n / (n - correction)."""
    x = call.tensor("self")
    axes, correction = _asked(call)
    axes = [axis % max(x.rank, 1) for axis in axes] if axes else list(range(x.rank))
    beside = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=axes, keep_dims=True))
    keep = bool(call.constant("keepdim", False))
    mean = mb.reduce_mean(x=mb.square(x=beside), axes=axes, keep_dims=keep)
    return mb.mul(x=mean, y=_factor(x, axes, correction), **named)


def _asked(call: Call) -> tuple[list[int], float]:
    """Return the axes and the correction of a call; a trace has four arguments or, for all elements, two.

    A truth value asks for a correction of 1 or of 0, as its number says.
    """
    unbiased = call.constant("unbiased")
    if unbiased is None and isinstance(call.constant("dim"), bool):
        return [], float(call.constant("dim"))
    dim = call.constant("dim")
    correction = call.constant("correction", 1 if unbiased is None else unbiased)
    return ([] if dim is None else [dim] if isinstance(dim, int) else list(dim)), float(correction)


def _factor(x: Var, axes: list[int], correction: float) -> Any:
    sizes = [x.shape[axis] for axis in axes]
    if all(isinstance(size, (int, np.integer)) for size in sizes):
        count = float(np.prod(sizes))
        return np.float32(count / max(count - correction, 0.0)) if count > correction else np.float32(np.inf)
    shape = mb.gather(x=mb.shape(x=x), indices=np.array(axes, np.int32), axis=0)
    counted = mb.cast(x=mb.reduce_prod(x=shape, axes=[0], keep_dims=False), dtype="fp32")
    return mb.real_div(x=counted, y=mb.sub(x=counted, y=np.float32(correction)))


@lowering("cosine_similarity", "x1 x2 dim eps", replaces=True)
def cosine_similarity(call: Call) -> Var:
    """Lower `cosine_similarity`; coremltools' own multiplies squares, which vanish for small vectors.

    Source of the formula: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html.
    """
    axis, least = call.constant("dim", 1), call.constant("eps", 1e-8)
    left, right = (_of_length_one(call.tensor(name), axis, least) for name in ("x1", "x2"))
    return mb.reduce_sum(x=mb.mul(x=left, y=right), axes=[axis], keep_dims=False, name=call.node.name)


def _of_length_one(x: Var, axis: int, least: float) -> Var:
    length = mb.reduce_l2_norm(x=x, axes=[axis], keep_dims=True)
    return mb.real_div(x=x, y=mb.maximum(x=length, y=np.float32(least)))
