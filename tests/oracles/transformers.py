"""What MIL's attention gives, one query at a time."""

from __future__ import annotations

import itertools
import math

import numpy as np

from tests.oracles.terms import Terms


def scaled_dot_product_attention(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, attn_mask: np.ndarray | None = None
) -> Terms:
    shape = (*query.shape[:-1], key.shape[-2])
    added = np.zeros(shape)
    if attn_mask is not None:
        bias = np.where(attn_mask, 0.0, -np.inf) if attn_mask.dtype.kind == "b" else attn_mask
        added = np.broadcast_to(bias, shape)
    result = np.zeros((*query.shape[:-1], value.shape[-1]))
    scale = np.zeros_like(result)
    for place in itertools.product(*map(range, query.shape[:-1])):
        batch = place[:-1]
        scores = (key[batch] * query[place]).sum(-1) / math.sqrt(query.shape[-1]) + added[place]
        weights = np.zeros(len(scores))
        if np.isfinite(scores).any():  # PyTorch gives zeros to a query that sees nothing
            weights = np.exp(scores - np.logaddexp.reduce(scores))
        result[place] = (weights[:, None] * value[batch]).sum(0)
        scale[place] = (weights[:, None] * np.abs(value[batch])).sum(0)
    return Terms(result, scale)


ORACLES = {"scaled_dot_product_attention": scaled_dot_product_attention}
