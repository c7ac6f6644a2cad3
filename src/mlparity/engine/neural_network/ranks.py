"""Ranks of results whose sizes do not follow from what is known before a run, as after a shape that is computed.

An op is tried on stand-ins that have the ranks of its inputs, and one element where a size is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from mlparity.core.errors import MlparityError
from mlparity.engine.neural_network.blob import Blob, Trial
from mlparity.engine.neural_network.trial_shapes import results_in
from mlparity.engine.ops.registry import OpDef

_FIXED: Mapping[str, tuple[int, ...]] = {
    "gru": (3, 2),
    "lstm": (3, 2, 2),
    "non_zero": (2,),
    "range_1d": (1,),
    "rnn": (3, 2),
}
"""Ops whose results have the same ranks whatever they are given."""

_KEEPING = frozenset({"avg_pool", "batch_norm", "concat", "conv", "conv_transpose", "crop", "l2_pool", "linear"}) | {
    *("max_pool", "pad", "reverse", "slice_by_size", "split", "tile", "transpose", "upsample_bilinear")
}
"""Ops whose results have the rank of their first input, also where the stand-ins do not fit each other."""


def ranks_in(definition: OpDef, fed: Mapping[str, Sequence[Blob]], results: int) -> tuple[int | None, ...]:
    """Return the rank of each result of an op, None where it does not follow."""
    name = definition.name
    if name in _FIXED:
        return _FIXED[name]
    if name == "squeeze" and "axes" not in fed:  # how many axes go depends on their sizes
        return (None,) * results
    if "shape" in fed:
        lengths = fed["shape"][0].shape
        return (None if lengths is None or len(lengths) != 1 else lengths[0],) * results
    if name == "slice_by_index":
        return (_sliced(fed),)
    return _tried(definition, fed) or (_first(fed) if name in _KEEPING else None,) * results


def _sliced(fed: Mapping[str, Sequence[Blob]]) -> int | None:
    """Return the rank of a slice: the axes of which it takes one index go."""
    rank, mask = _first(fed), fed["squeeze_mask"][0].trials[0] if "squeeze_mask" in fed else torch.zeros(0)
    is_known = rank is not None and mask is not None and not mask.is_meta
    return rank - int(mask.sum()) if is_known else None  # type: ignore[operator,union-attr]


def _tried(definition: OpDef, fed: Mapping[str, Sequence[Blob]]) -> tuple[int | None, ...] | None:
    given = {name: [_stand_in(each) for each in values] for name, values in fed.items()}
    try:
        found = results_in(definition, given)
    except MlparityError:
        raise
    except Exception:  # torch and numpy raise many types for inputs that do not fit
        return None
    return None if found is None else tuple(None if each is None else each.ndim for each in found)


def _stand_in(blob: Blob) -> Trial:
    """Return a value as far as it is known: one element where a size is not, and 1 where a number is not."""
    if blob.is_known:
        return blob.trials[0]
    if blob.shape is None:
        return None
    held = {"int32": torch.int32, "bool": torch.bool}.get(blob.type.dtype, torch.float32)
    return torch.ones((), dtype=held).expand([1 if size is None else size for size in blob.shape])


def _first(fed: Mapping[str, Sequence[Blob]]) -> int | None:
    shape = (fed["x"] if "x" in fed else next(iter(fed.values())))[0].shape
    return None if shape is None else len(shape)
