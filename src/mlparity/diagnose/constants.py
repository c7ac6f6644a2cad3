"""Which of a source's weights an artifact holds, by their values: in another order, folded into others, or in fp16."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlparity.core.graph_trace import GraphTrace
from mlparity.core.trace import SourceTrace

Doubles = NDArray[np.float64]

_CLOSE_IN_FP16, _CLOSE_IN_FP32 = 2e-3, 2e-6
"""What rounding does to a constant, of its largest element (assumed)."""

_CONVOLUTION, _NORM = "aten.convolution", ("aten.native_batch_norm", "aten._native_batch_norm_legit_no_training")


@dataclass(frozen=True, slots=True, eq=False)
class Folding:
    """A convolution whose batch norm a converter may write into its weights: their paths, and the norm's epsilon."""

    layer: str
    norm: str
    epsilon: float

    def scale(self, weights: Mapping[str, np.ndarray]) -> Doubles:
        """Return what the norm multiplies each channel by."""
        variance = _doubles(weights[joined(self.norm, "running_var")])
        gain = weights.get(joined(self.norm, "weight"))
        numbers = np.ones_like(variance) if gain is None else _doubles(gain)
        return np.asarray(numbers / np.sqrt(variance + self.epsilon))

    def weight(self, weights: Mapping[str, np.ndarray]) -> Doubles:
        """Return the convolution's weight with the norm in it."""
        own = _doubles(weights[joined(self.layer, "weight")])
        return np.asarray(own * self.scale(weights).reshape(-1, *[1] * (own.ndim - 1)))

    def bias(self, weights: Mapping[str, np.ndarray]) -> Doubles:
        """Return the convolution's bias with the norm in it."""
        mean, shift = joined(self.norm, "running_mean"), weights.get(joined(self.norm, "bias"))
        own = weights.get(joined(self.layer, "bias"))
        centred = (0.0 if own is None else _doubles(own)) - _doubles(weights[mean])
        return np.asarray(centred * self.scale(weights) + (0.0 if shift is None else _doubles(shift)))

    def names(self, weights: Mapping[str, np.ndarray]) -> tuple[str, ...]:
        """Return the names of all weights that the folded ones are made of."""
        parts = [(self.layer, "weight"), (self.layer, "bias")]
        parts += [(self.norm, each) for each in ("weight", "bias", "running_mean", "running_var")]
        return tuple(name for each in parts if (name := joined(*each)) in weights)


def foldings(trace: SourceTrace, weights: Mapping[str, np.ndarray]) -> tuple[Folding, ...]:
    """Return the convolutions that a batch norm follows at once."""
    makers = {number: op for op in trace.ops for number, _ in op.results}
    found = []
    for op in trace.ops:
        before = makers.get(op.inputs[0]) if op.inputs else None
        if op.origin.op not in _NORM or before is None or before.origin.op != _CONVOLUTION:
            continue
        layer, norm, epsilon = before.origin.module, op.origin.module, op.settings.get("eps")
        known = {joined(layer, "weight"), joined(norm, "running_mean"), joined(norm, "running_var")} <= set(weights)
        if known and isinstance(epsilon, float) and layer != norm:
            found.append(Folding(layer, norm, epsilon))
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What of a source's weights an artifact holds.

    `missing` are the names of those whose values it has nowhere, in the source's order. `other_weights` and
    `other_biases` are convolutions whose norm it has folded into a weight, or a bias, of other values. `unclaimed` are
    its constants that are none of the source's weights, in the order in which its ops read them. `quiet` are weights
    of one repeated number, of which nobody can tell whether the artifact holds them. `holders` are the constants of
    those weights that are one, and `order` that in which all constants are read.
    """

    missing: tuple[str, ...]
    other_weights: tuple[Folding, ...]
    other_biases: tuple[Folding, ...]
    unclaimed: Mapping[str, np.ndarray]
    quiet: tuple[str, ...] = ()
    holders: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the artifact holds all of the source's weights."""
        return not (self.missing or self.other_weights or self.other_biases)


def held_weights(weights: Mapping[str, np.ndarray], folded: Sequence[Folding], graph: GraphTrace) -> Held:
    """Return which weights an artifact holds, and which of its constants are others."""
    constants = read_constants(graph)
    claims = _Claims(Pool(constants))
    joint = [each for each in folded if _is_folded(each, weights, claims)]
    inside = {name for each in joint for name in each.names(weights)}
    other_weights = tuple(each for each in joint if not claims.claim(each.weight(weights)))
    other_biases = tuple(each for each in joint if not claims.claim(each.bias(weights)))
    alone = {name: array for name, array in weights.items() if name not in inside and _tells(array)}
    held = {name: claims.claim(array) for name, array in alone.items()}
    missing = [name for name, holders in held.items() if not holders]
    sums = (
        *_added_biases(alone),
        *((name, bias) for name in missing for bias in missing if takes_bias(name, alone, bias)),
    )
    pairs = ((pair, _doubles(alone[pair[0]]) + _doubles(alone[pair[1]])) for pair in sums)
    added = {name for pair, both in pairs if claims.claim(both) for name in pair}
    unclaimed = {name: array for name, array in constants.items() if name not in claims.names}
    quiet = tuple(name for name in weights if name not in inside and not _tells(weights[name]))
    missing = [name for name in missing if name not in added]
    own = {name: holders[0] for name, holders in held.items() if len(holders) == 1 and holders[0]}
    return Held(tuple(missing), other_weights, other_biases, unclaimed, quiet, own, tuple(constants))


class _Claims:
    """Which constants are some weight of the source."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.names: set[str] = set()

    def claim(self, array: np.ndarray) -> list[str]:
        holders = self._pool.holders(array)
        self.names.update(holders)
        return holders


def _is_folded(folding: Folding, weights: Mapping[str, np.ndarray], claims: _Claims) -> bool:
    mean = weights[joined(folding.norm, "running_mean")]
    return bool(claims.claim(folding.weight(weights))) or (_tells(mean) and not claims.claim(mean))


def _added_biases(weights: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of biases of recurrent layers, which a converter adds once and for all."""
    for name in weights:
        other = name.replace("bias_ih", "bias_hh")
        if other != name and other in weights:
            yield name, other


def takes_bias(name: str, weights: Mapping[str, np.ndarray], bias: str) -> bool:
    """Tell whether a bias may have been added to a parameter that is no layer's weight, such as learned places."""
    own, other = weights.get(name), weights[bias]
    if own is None or own.ndim < 2 or name.rpartition(".")[2].startswith("weight"):
        return False
    return other.ndim == 1 and other.shape == own.shape[-1:]


def read_constants(graph: GraphTrace) -> dict[str, np.ndarray]:
    """Return the floating constants that tell something, in the order in which they are read."""
    order = [name for op in graph.ops for name in op.inputs if name in graph.constants]
    names = dict.fromkeys([*order, *sorted(graph.constants)])
    arrays = {name: graph.values[name] for name in names if name in graph.values}
    return {name: array for name, array in arrays.items() if array.dtype.kind == "f" and _tells(array)}


def _tells(array: np.ndarray) -> bool:
    """Tell whether values can be told from others: zeros and ones are everywhere."""
    if not array.size:
        return False
    return float(array.flat[0]) not in (0.0, 1.0) or not bool((array == array.flat[0]).all())


class Pool:
    """The constants of an artifact, found by the values that they hold in any order."""

    def __init__(self, constants: Mapping[str, np.ndarray]) -> None:
        """Sort the values of each constant."""
        self._by_size: dict[int, list[tuple[str, Doubles, float]]] = {}
        exact: list[NDArray[np.float32]] = []
        for name, array in constants.items():
            close = _CLOSE_IN_FP16 if _is_of_fp16(array) else _CLOSE_IN_FP32
            self._by_size.setdefault(array.size, []).append((name, np.sort(_doubles(array), axis=None), close))
            if close == _CLOSE_IN_FP32:
                with np.errstate(invalid="ignore", over="ignore"):  # a constant may hold NaN, or more than fp32 does
                    exact.append(array.astype(np.float32).reshape(-1))
        self._exact = np.unique(np.concatenate(exact)) if exact else np.zeros(0, np.float32)

    def holders(self, array: np.ndarray) -> list[str]:
        """Return the names of the constants with these values; "" stands for values that are parts of others."""
        values = np.sort(_doubles(array), axis=None)
        size = float(np.abs(values).max(initial=0.0))
        found = [
            name
            for name, own, close in self._by_size.get(values.size, ())
            if bool(np.all(np.abs(own - values) <= close * max(size, 1e-30)))
        ]
        return found if found else [""] * (self._has_most(array) and not self._has_it_changed(array))

    def _has_it_changed(self, array: np.ndarray) -> bool:
        """Tell whether a constant of its size has most of its values itself, and others in place of the rest."""
        rivals = self._by_size.get(array.size, ())
        return any(float(np.isin(_doubles(array), own).mean()) > _HALF for _, own, _ in rivals)

    def _has_most(self, array: np.ndarray) -> bool:
        """Tell whether nearly all values are among the constants' to the last bit, as the rows of a joined one are."""
        if array.size < _MANY or array.dtype != np.float32:
            return False
        return bool(np.isin(array.reshape(-1), self._exact).mean() > _MOST)


def _is_of_fp16(array: np.ndarray) -> bool:
    """Tell whether fp16 holds every value, in whatever type they are stored."""
    with np.errstate(over="ignore"):
        return bool(np.array_equal(array.astype(np.float16).astype(array.dtype), array, equal_nan=True))


_MANY, _MOST, _HALF = 4, 0.9, 0.5
"""How many values are looked for one by one, and what part of them has to be there (assumed)."""


def scales_of(array: np.ndarray, other: np.ndarray, axis: int) -> Doubles | None:
    """Return the factors for each channel that make `array` of `other`, None where no factors do."""
    left, right = (np.moveaxis(_doubles(each), axis, 0).reshape(each.shape[axis], -1) for each in (array, other))
    if left.shape != right.shape:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = (left * right).sum(1) / (right * right).sum(1)
    gap = np.abs(left - factors[:, None] * right).max(initial=0.0)
    return factors if np.isfinite(factors).all() and gap <= 1e-4 * np.abs(left).max(initial=0.0) else None


def is_multiple(array: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether an array is another times one number, as a converter folds a factor into a weight."""
    left, right = _doubles(array).reshape(1, -1), _doubles(other).reshape(1, -1)
    return left.shape == right.shape and scales_of(left, right, 0) is not None


def layouts(array: np.ndarray, shape: Sequence[int]) -> list[np.ndarray]:
    """Return the ways in which an array may be one of another shape with its axes in another order, its own first."""
    sizes, wanted = [each for each in array.shape if each != 1], [each for each in shape if each != 1]
    if sorted(sizes) != sorted(wanted):
        return []
    flat = array.reshape(sizes)
    ways = [order for order in _orders(len(sizes)) if [sizes[axis] for axis in order] == wanted]
    return [flat.transpose(order).reshape(shape) for order in ways]


def _orders(rank: int) -> list[tuple[int, ...]]:
    """Return where the axes of a weight may stand: as they are, transposed, with its channels last or first."""
    own = tuple(range(rank))
    if rank < 2:
        return [own]
    inner, last = own[1:-1], own[-1]
    ways = [own, (0, last, *inner), (last, last - 1, *own[:-2]), (1, 0, *own[2:]), (last, *own[:-1]), (*own[1:], 0)]
    return list(dict.fromkeys(ways))


def _doubles(array: np.ndarray) -> Doubles:
    return array.astype(np.float64)


def joined(path: str, name: str) -> str:
    """Return the dotted path of a part."""
    return f"{path}.{name}" if path else name
