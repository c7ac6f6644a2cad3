"""Other weights than the source's: which of its layers an artifact holds with other values, confirmed by a run.

The source with the artifact's weights in the place of its own has to give what the artifact gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlparity.diagnose.constants import Doubles, Folding, Held, joined, layouts, scales_of, takes_bias

Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Replacement:
    """Weights of an artifact for the source, the paths of the layers whose weights they are, and its own constants.

    `apart` is how far each lies from the source's, of that one's size, where these are all of the source's matrices;
    empty where it holds some of them unchanged.
    """

    weights: Weights
    layers: tuple[str, ...]
    constants: tuple[str, ...]
    apart: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Gap:
    """One array of the source that an artifact has with other values: what it was, and where a new one goes.

    One that is optional keeps its own values where the artifact has none for it. `blocks` are the gates of a recurrent
    layer, whose order differs from format to format.
    """

    own: Doubles
    put: Callable[[np.ndarray], Weights]
    layer: Callable[[np.ndarray], str | None]
    is_optional: bool = False
    blocks: int = 1
    name: str = ""


def replacements(weights: Weights, held: Held) -> Iterator[Replacement]:
    """Yield how constants that are none of the source's weights may take the missing ones' places.

    First each goes to the missing weight that it is nearest to, then to that which stands first; a square one may be
    transposed. A weight that no constant has the size of keeps its own values; a bias may be in the constant of a
    weight that it is added to. Nothing is yielded where all that is other is the epsilon of a folded norm.
    """
    gaps = _fillable(_gaps(weights, held), weights, held)
    if not gaps:
        return
    quiet = [_gap(name, weights, is_optional=True) for name in held.quiet]
    for choose in (_nearest, _first, _last):
        for wanted in ([*gaps, *quiet], gaps) if quiet else (gaps,):
            chosen = _chosen(wanted, held.unclaimed, choose)
            if chosen is None:
                return
            names = [gap.layer(array) for gap, _, array in chosen]
            layers = tuple(dict.fromkeys(name for name in names if name is not None))
            made: dict[str, np.ndarray] = {}
            for gap, _, array in chosen:
                made |= gap.put(array)
            if not layers:
                return
            apart = tuple(_apart(gap.own, array) for gap, _, array in chosen if gap.own.ndim > 1)
            is_all = len(apart) >= _ALL and not _unchanged(weights, held)
            yield Replacement(made, layers, tuple(constant for _, constant, _ in chosen), apart if is_all else ())


def _unchanged(weights: Weights, held: Held) -> set[str]:
    """Return the source's matrices that an artifact holds as they are."""
    folded = {joined(each.layer, "weight") for each in held.other_weights}
    return {name for name, array in weights.items() if array.ndim > 1} - {*held.missing, *folded, *held.quiet}


def _apart(own: Doubles, array: np.ndarray) -> float:
    return float(np.linalg.norm(array.astype(np.float64) - own) / max(float(np.linalg.norm(own)), 1e-30))


_ALL = 2
"""How many matrices a source has at least of which it is said that all are other (assumed)."""


def exchanged(weights: Weights, held: Held) -> Replacement | None:
    """Return the weights in the order in which an artifact reads them, where that is not the source's."""
    positions = {constant: position for position, constant in enumerate(held.order)}
    known = {name: positions[constant] for name, constant in held.holders.items() if constant in positions}
    made: dict[str, np.ndarray] = {}
    for shape in dict.fromkeys(weights[name].shape for name in known):
        names = [name for name in known if weights[name].shape == shape]
        read = sorted(names, key=lambda name: known[name])
        made |= {name: weights[other] for name, other in zip(names, read, strict=True) if name != other}
    if not made:
        return None
    return Replacement(made, tuple(dict.fromkeys(map(layer_of, made))), tuple(held.holders[name] for name in made))


def layer_of(name: str) -> str:
    """Return the path of the layer that a weight belongs to; a weight of the source itself is its own."""
    path = name.rpartition(".")[0]
    return path if path else name


def _gaps(weights: Weights, held: Held) -> list[_Gap]:
    plain = [_gap(name, weights) for name in held.missing]
    of_weights = [_weight_gap(each, weights) for each in held.other_weights]
    return plain + of_weights + [_bias_gap(each, weights, each in held.other_weights) for each in held.other_biases]


def _fillable(gaps: Sequence[_Gap], weights: Weights, held: Held) -> list[_Gap]:
    """Return the gaps that some constant fits, those with a bias without a constant of its own in them last."""
    constants = held.unclaimed.values()
    fitting = [gap for gap in gaps if any(True for array in constants for _ in _ways(array, gap))]
    alone = {name: gap for name in held.missing for gap in gaps if gap.name == name}
    lost = [name for name, gap in alone.items() if gap not in fitting and gap.own.ndim == 1]
    return [_with_bias(gap, lost, weights) for gap in fitting]


def _with_bias(gap: _Gap, lost: Sequence[str], weights: Weights) -> _Gap:
    """Return the gap of a weight to which a lost bias was added where that has the width of its last axis."""
    bias = next((weights[name] for name in lost if takes_bias(gap.name, weights, name)), None)
    if bias is None:
        return gap
    added = np.asarray(bias, np.float64)
    return replace(gap, own=gap.own + added, put=lambda array: gap.put(array - added))


def _gap(name: str, weights: Weights, *, is_optional: bool = False) -> _Gap:
    own = np.asarray(weights[name], np.float64)
    part = name.rpartition(".")[2]
    blocks = own.shape[0] // weights[name.replace("_ih_", "_hh_")].shape[-1] if part.startswith(_RECURRENT) else 1
    return _Gap(own, lambda array: {name: array}, lambda _: layer_of(name), is_optional, blocks, name)


_RECURRENT = ("weight_ih_l", "weight_hh_l")
_GATES = {4: ((0, 1, 3, 2), (0, 3, 1, 2), (0, 2, 3, 1)), 3: ((1, 0, 2),)}
"""The orders of gates by their number, and their inverses.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html (i, f, g, o), coremltools 9.0 `lstm` (i, f,
o, z), https://onnx.ai/onnx/operators/onnx__LSTM.html (i, o, f, c) and `onnx__GRU` (z, r, h).
"""


def _weight_gap(folding: Folding, weights: Weights) -> _Gap:
    own = folding.bias(weights)
    return _Gap(
        folding.weight(weights),
        lambda array: _unfolded(folding, weights, array, own),
        lambda array: _other_of(folding, weights, array),
    )


def _bias_gap(folding: Folding, weights: Weights, is_weight_other: bool) -> _Gap:
    """Return the gap of a folded bias; where the folded weight is other too, that one tells whose it is."""
    own = folding.weight(weights)

    def put(array: np.ndarray) -> Weights:
        made = _unfolded(folding, weights, own, array)
        return {joined(folding.norm, "bias"): made[joined(folding.norm, "bias")]} if is_weight_other else made

    return _Gap(folding.bias(weights), put, lambda _: None if is_weight_other else folding.norm)


def _unfolded(folding: Folding, weights: Weights, weight: np.ndarray, bias: np.ndarray) -> Weights:
    """Return weights with which layer and norm give what the folded ones give: the norm only adds the bias."""
    layer, norm = folding.layer, folding.norm
    mean, variance = weights[joined(norm, "running_mean")], weights[joined(norm, "running_var")]
    made = {
        joined(layer, "weight"): weight,
        joined(norm, "weight"): np.sqrt(variance + folding.epsilon),
        joined(norm, "bias"): mean + bias,
    }
    own = joined(layer, "bias")
    return {**made, own: np.zeros_like(weights[own])} if own in weights else made


def _other_of(folding: Folding, weights: Weights, array: np.ndarray) -> str | None:
    """Return whose weights a folded one shows to be other: the layer's, the norm's, or none's but another epsilon."""
    factors = scales_of(array, weights[joined(folding.layer, "weight")], 0)
    if factors is None:
        return folding.layer
    variance = np.asarray(weights[joined(folding.norm, "running_var")], np.float64)
    gain = folding.scale(weights) * np.sqrt(variance + folding.epsilon)
    with np.errstate(divide="ignore", invalid="ignore"):
        epsilons = (gain / factors) ** 2 - variance
    # Of channels with a great variance an epsilon cannot be told.
    small = epsilons[variance <= np.median(variance)]
    is_epsilon = bool(np.isfinite(small).all()) and np.ptp(small) <= 0.05 * np.abs(small).max()
    return None if is_epsilon else folding.norm


_Choice = Callable[[Doubles, Sequence[tuple[str, np.ndarray]]], tuple[str, np.ndarray]]


def _chosen(gaps: Sequence[_Gap], constants: Weights, choose: _Choice) -> list[tuple[_Gap, str, np.ndarray]] | None:
    left, found = dict(constants), list[tuple[_Gap, str, np.ndarray]]()
    for gap in gaps:
        options = [(name, way) for name, array in left.items() for way in _ways(array, gap) if _may_be(way, gap)]
        if options:
            name, array = (_first if gap.is_optional else choose)(gap.own, options)
            found.append((gap, name, array))
            del left[name]
        elif not gap.is_optional:
            return None
    return found


def _may_be(array: np.ndarray, gap: _Gap) -> bool:
    """Tell whether an array may be a weight; one that is optional has to be near, as after a step of training."""
    distance = float(np.linalg.norm(array.astype(np.float64) - gap.own))
    return not gap.is_optional or distance <= 0.5 * float(np.linalg.norm(gap.own))


def _ways(array: np.ndarray, gap: _Gap) -> Iterator[np.ndarray]:
    for way in layouts(array, gap.own.shape):
        yield way
        parts = np.split(way, gap.blocks) if gap.blocks in _GATES else []
        yield from (np.concatenate([parts[each] for each in order]) for order in _GATES.get(len(parts), ()))


def _nearest(own: Doubles, options: Sequence[tuple[str, np.ndarray]]) -> tuple[str, np.ndarray]:
    return min(options, key=lambda option: float(np.linalg.norm(option[1].astype(np.float64) - own)))


def _first(_own: Doubles, options: Sequence[tuple[str, np.ndarray]]) -> tuple[str, np.ndarray]:
    return options[0]


def _last(_own: Doubles, options: Sequence[tuple[str, np.ndarray]]) -> tuple[str, np.ndarray]:
    """Return the last way of the first constant: a square one in the order that its own is not in."""
    return [option for option in options if option[0] == options[0][0]][-1]
