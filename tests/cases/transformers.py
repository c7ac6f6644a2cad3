"""Calls of MIL's attention."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import booleans, normal
from tests.cases.case import Case

OP = "scaled_dot_product_attention"
# A score (of size up to 4) rounds to half a unit of 4, which its exponential makes two units of itself; then the sums.
BOUND = 8


def attend(*batch: int, to: int = 5, **more: object) -> Case:
    """Return a case: 3 queries of 4 numbers attend to some values of 6."""
    note = str(more.pop("note", f"rank {len(batch) + 2}"))
    inputs = {
        "query": normal(*batch, 3, 4),
        "key": normal(*batch, to, 4, seed=1),
        "value": normal(*batch, to, 6, seed=2),
    }
    return Case(OP, inputs | more, BOUND, opset=18, note=note)


CAUSAL = np.tril(np.ones((3, 5), np.bool_))
BLIND = CAUSAL.copy()
BLIND[1] = False
HIDDEN = np.where(CAUSAL, 0, -np.inf).astype(np.float32)

CASES = (
    attend(2),
    attend(2, 3),
    attend(1, 2, 2),
    attend(2, to=1, note="one value"),
    attend(2, to=100, note="long"),
    attend(0, note="empty"),
    attend(2, 3, attn_mask=CAUSAL, note="causal"),
    attend(2, attn_mask=CAUSAL, note="causal, rank 3"),
    attend(2, 3, attn_mask=BLIND, note="sees nothing"),
    attend(2, 3, attn_mask=booleans(2, 1, 3, 5) | CAUSAL, note="mask a sample"),
    attend(2, 3, attn_mask=np.array([True, True, False, True, False]), note="mask a source"),
    attend(2, 3, attn_mask=normal(3, 5, seed=3), note="float mask"),
    attend(2, 3, attn_mask=HIDDEN, note="infinite mask"),
    attend(2, 3, attn_mask=normal(2, 1, 1, 5, seed=3), note="float mask a sample"),
    attend(2, attn_mask=normal(5, seed=3), note="float mask a source"),
    Case(OP, {"query": normal(3, 4), "key": normal(5, 4), "value": normal(5, 6)}, opset=18, raises=ValueError),
    Case(
        OP, {"query": normal(1, 3, 4), "key": normal(1, 5, 3), "value": normal(1, 5, 6)}, opset=18, raises=RuntimeError
    ),
)
