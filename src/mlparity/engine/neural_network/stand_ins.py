"""Shapes of results that do not follow from what is known before a run, as after a shape that is computed.

An op is tried on stand-ins that have the ranks of its inputs, once with 1 and once with 2 for each size and number that
is not known. A size that comes out the same in both is taken for fixed, the others are open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from mlparity.core.errors import MlparityError
from mlparity.engine.neural_network.blob import Blob, Trial
from mlparity.engine.neural_network.trial_shapes import common_shape, results_in
from mlparity.engine.ops.registry import OpDef

_RANKS: Mapping[str, tuple[int, ...]] = {
    "gru": (3, 2),
    "lstm": (3, 2, 2),
    "rnn": (3, 2),
    "non_zero": (2,),
    "range_1d": (1,),
}
"""Ops whose results have the same ranks whatever they are given."""

_KEEPING = frozenset({"avg_pool", "batch_norm", "concat", "conv", "conv_transpose", "crop", "l2_pool", "linear"}) | {
    *("max_pool", "pad", "reverse", "scatter", "scatter_along_axis", "scatter_nd", "slice_by_size", "split", "tile"),
    *("transpose", "upsample_bilinear"),
}
"""Ops whose results have the rank of their first input, also where the stand-ins do not fit each other."""

_Shape = tuple[int | None, ...] | None


def shapes_in(definition: OpDef, fed: Mapping[str, Sequence[Blob]], results: int) -> tuple[_Shape, ...]:
    """Return the shape of each result of an op, None where not even the rank follows."""
    name = definition.name
    if name in _RANKS:
        return tuple(map(_open, _RANKS[name]))
    if name == "squeeze" and "axes" not in fed:  # how many axes go depends on their sizes
        return (None,) * results
    if "shape" in fed:
        lengths = fed["shape"][0].shape
        return (_open(lengths[0]) if lengths else None,) * results
    if name == "slice_by_index":
        return (_open(_sliced(fed)),)
    return _tried(definition, fed) or (_open(_first(fed)) if name in _KEEPING else None,) * results


def _open(rank: int | None) -> _Shape:
    return None if rank is None else (None,) * rank


def _sliced(fed: Mapping[str, Sequence[Blob]]) -> int | None:
    """Return the rank of a slice: the axes of which it takes one index go."""
    rank, mask = _first(fed), fed["squeeze_mask"][0].trials[0] if "squeeze_mask" in fed else torch.zeros(0)
    return None if rank is None or mask is None or mask.is_meta else rank - int(mask.sum())


def _tried(definition: OpDef, fed: Mapping[str, Sequence[Blob]]) -> tuple[_Shape, ...] | None:
    tries = [found for number in (1, 2) if (found := _results(definition, fed, number)) is not None]
    if not tries:
        return None
    first = [None if each is None else each.ndim for each in tries[0]]
    both = [common_shape(values) for values in zip(*tries, strict=True)]
    if len(tries) == 2 and None not in both:
        return tuple(both)
    return tuple(map(_open, first))  # an axis of one element is what an op may take away


def _results(definition: OpDef, fed: Mapping[str, Sequence[Blob]], number: int) -> tuple[Trial, ...] | None:
    given = {name: [_stand_in(each, number) for each in values] for name, values in fed.items()}
    try:
        return results_in(definition, given)
    except MlparityError:
        raise
    except Exception:  # torch and numpy raise many types for inputs that do not fit
        return None


def _stand_in(blob: Blob, number: int) -> Trial:
    """Return a value as far as it is known, `number` for each size and number that is not."""
    if blob.is_known:
        return blob.trials[0]
    if blob.shape is None:
        return None
    held = {"int32": torch.int32, "bool": torch.bool}.get(blob.type.dtype, torch.float32)
    sizes = [number if size is None else size for size in blob.shape]
    return torch.tensor(number).to(held).expand(sizes)


def _first(fed: Mapping[str, Sequence[Blob]]) -> int | None:
    shape = (fed["x"] if "x" in fed else next(iter(fed.values())))[0].shape
    return None if shape is None else len(shape)
