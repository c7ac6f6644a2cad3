"""Branches and loops of a network as MIL's `cond` and `while_loop`.

A network has one scope: what a branch or a loop's body computes is seen after it, and `copy` overwrites. In MIL a block
gives its results back, so each name that a block changes becomes a result, or a variable of the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch

from mlparity.engine.mil.program import Name, NamedType, TensorType
from mlparity.engine.neural_network.blob import EXACT, FLOATS, FLOW, Blob
from mlparity.engine.neural_network.builder import Builder, Draft, DraftBlock

BROKEN = "<broken>"
"""The name of the condition that a `loopBreak` sets."""

_COUNT = "<count>"
_TRUE = 1e-6
"""Beyond which magnitude a number is true. Source: `BranchLayerParams` of `NeuralNetwork.proto`, coremltools 9.0."""

_PASSES = 2
"""How often a loop is written anew with wider types of its variables: sizes become open, then the rank."""

_LEAVING = ("loopBreak", "loopContinue")


class Network(Protocol):
    """What branches and loops ask of the network that they stand in: its values by name, and its layers to ops."""

    builder: Builder
    blobs: dict[str, Blob]

    def within(self) -> Self:
        """Return the scope of a block: what is changed there is not changed here."""
        ...

    def lower(self, layers: Sequence[Any]) -> None:
        """Add the ops of the layers, up to where a loop is left."""
        ...

    def only_input(self, message: Any) -> Blob:
        """Return the one input of a layer."""
        ...

    def assign(self, name: str, blob: Blob) -> None:
        """Let a name stand for a value from here on."""
        ...


def leaves(layers: Iterable[Any]) -> bool:
    """Return whether a loop may be left, or begun anew, within these layers."""
    for each in layers:
        kind = each.WhichOneof("layer")
        if kind in _LEAVING:
            return True
        if kind == "branch" and (leaves(each.branch.ifBranch.layers) or leaves(each.branch.elseBranch.layers)):
            return True
    return False


def _predicate(network: Network, blob: Blob) -> Blob:
    """Return one condition: whether a number is beyond zero."""
    builder = network.builder
    if blob.type.dtype != "bool":
        size = builder.emit("abs", x=builder.real(blob))
        blob = builder.emit("greater", x=size, y=_TRUE)
    return builder.emit("reshape", x=blob, shape=())


def branch(network: Network, message: Any, rest: Sequence[Any]) -> None:
    """Add a branch; `rest` are the layers after it where it may leave a loop, which then belong to both ways.

    Raises:
        FormatError: a layer within contradicts itself, or there is not one input.
        UnsupportedOpError: the engine does not run a layer within.
    """
    builder, params, label = network.builder, message.branch, network.builder.layer
    condition = _predicate(network, network.only_input(message))
    if builder.trials == 1 and condition.is_known:  # what only the other way has need not fit
        is_true = all(bool(each) for each in condition.trials)
        part = params.ifBranch if is_true else params.elseBranch
        inner = network.within()
        inner.lower([*part.layers, *rest])
        for name in _changed(network, [inner]):
            network.assign(name, inner.blobs[name])
        return
    ways: list[tuple[Network, list[Draft]]] = []
    for part in (params.ifBranch, params.elseBranch):
        with builder.block() as drafts:
            inner = network.within()
            inner.lower([*part.layers, *rest])
            ways.append((inner, drafts))
    builder.layer = label
    names = _changed(network, [inner for inner, _ in ways])
    pairs = {name: (ways[0][0].blobs[name], ways[1][0].blobs[name]) for name in names}
    types = {name: _common_type(*pair) for name, pair in pairs.items()}
    blocks = []
    for inner, drafts in ways:
        with builder.block(drafts):
            outputs = [builder.cast(inner.blobs[name], types[name].dtype) for name in names]
        blocks.append(DraftBlock([], drafts, outputs))
    if not names:
        return
    made = [_joined(builder.new_name(), types[name], *pair) for name, pair in pairs.items()]
    draft = Draft("cond", {"pred": (condition.argument,)}, [_named(each) for each in made], label, tuple(blocks))
    builder.drafts.append(draft)
    for name, blob in zip(names, made, strict=True):
        network.assign(name, blob)


def _changed(network: Network, ways: Sequence[Network]) -> list[str]:
    """Return the names that some way changes and that each way has in the end."""
    found = [name for way in ways for name, blob in way.blobs.items() if network.blobs.get(name) is not blob]
    return [name for name in dict.fromkeys(found) if all(name in way.blobs for way in ways)]


def _common_type(first: Blob, second: Blob) -> TensorType:
    kinds = {first.type.dtype, second.type.dtype}
    dtype = kinds.pop() if len(kinds) == 1 else FLOW
    shapes = (first.shape, second.shape)
    if shapes[0] is None or shapes[1] is None or len(shapes[0]) != len(shapes[1]):
        return TensorType(_settled(dtype), None)
    sizes = tuple(size if size == other else None for size, other in zip(*shapes, strict=True))  # type: ignore[arg-type]
    return TensorType(_settled(dtype), sizes)


def _settled(dtype: str) -> str:
    """Return the type of what is not known before a run."""
    return FLOW if dtype == EXACT else dtype


def _joined(name: Name, kind: TensorType, *ways: Blob) -> Blob:
    trials = []
    for values in zip(*(each.trials for each in ways), strict=True):
        shapes = {None if each is None else tuple(each.shape) for each in values}
        shape = shapes.pop() if len(shapes) == 1 else None
        trials.append(None if shape is None else _meta(shape, kind.dtype))
    return Blob(name, kind, tuple(trials))


def _meta(shape: tuple[int, ...], dtype: str) -> torch.Tensor:
    held = {"int32": torch.int32, "bool": torch.bool}.get(dtype, torch.float32)
    return torch.empty(shape, dtype=held, device="meta")


def _named(blob: Blob) -> NamedType:
    return NamedType(blob.name, blob.type)


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable of a loop: its name in the network, what it starts as, and its type within."""

    name: str
    first: Blob
    kind: TensorType

    def inside(self, name: Name) -> Blob:
        """Return it as a value within a block."""
        is_open = self.kind.shape is None or None in self.kind.shape
        trials = [
            None if each is None or is_open else _meta(tuple(each.shape), self.kind.dtype) for each in self.first.trials
        ]
        return Blob(name, self.kind, tuple(trials))


def loop(network: Network, message: Any, later: frozenset[str]) -> None:
    """Add a loop; `later` are the names that are used after it.

    Raises:
        FormatError: a layer within contradicts itself, or there is nothing to end the loop.
        UnsupportedOpError: the engine does not run a layer within, or a name that the body alone gives has open sizes.
    """
    params = message.loop
    if not (params.maxLoopIterations or message.input or params.conditionVar):
        raise network.builder.fault("neither a number of iterations nor a condition")
    if params.conditionVar and params.maxLoopIterations == 0 and not message.input:
        limit = None
    else:
        limit = _limit(network, message)
    variables = _variables(network, params, later, limit)
    begun = len(network.builder.drafts)
    made, fitted = _while_loop(network, params, variables, limit)
    for _ in range(_PASSES):
        if fitted != variables:
            variables = fitted
            del network.builder.drafts[begun:]
            made, fitted = _while_loop(network, params, variables, limit)
    for variable, output in zip(variables, made.outputs, strict=True):
        if variable.name not in (BROKEN, _COUNT):
            network.assign(variable.name, variable.inside(Name(output.name)))


def _limit(network: Network, message: Any) -> Blob:
    builder = network.builder
    if message.input:
        return builder.emit("reshape", x=builder.real(network.only_input(message)), shape=())
    return builder.literal(float(message.loop.maxLoopIterations))


def _variables(network: Network, params: Any, later: frozenset[str], limit: Blob | None) -> list[_Variable]:
    """Return what a loop changes: names from before it, and names of its own that are used after it."""
    builder, label = network.builder, network.builder.layer
    with builder.block():
        trial = network.within()
        trial.blobs[BROKEN] = builder.literal(0.0)
        trial.lower(params.conditionNetwork.layers)
        if any(trial.blobs.get(name) is not blob for name, blob in network.blobs.items()):
            raise builder.refused("does not run", "a condition that changes values of the loop")
        trial.lower(params.bodyNetwork.layers)
    builder.layer = label
    found = []
    for name, blob in trial.blobs.items():
        before = network.blobs.get(name)
        if name == BROKEN or before is blob or (before is None and name not in later):
            continue
        dtype = blob.type.dtype if before is None or before.type.dtype == blob.type.dtype else FLOW
        first = _zeros(network, name, blob) if before is None else before
        found.append(_variable(network, name, first, _settled(dtype)))
    if limit is not None or not found:
        found.append(_variable(network, _COUNT, builder.literal(0.0), FLOW))
    if leaves(params.bodyNetwork.layers):
        found.append(_variable(network, BROKEN, builder.literal(0.0), FLOW))
    return found


def _variable(network: Network, name: str, first: Blob, dtype: str) -> _Variable:
    start = network.builder.cast(first, dtype)
    return _Variable(name, start, TensorType(dtype, start.shape))


def _zeros(network: Network, name: str, blob: Blob) -> Blob:
    shape = blob.shape
    if shape is None or None in shape:
        raise network.builder.refused("does not run", f"{name!r}, which the body alone gives, has open sizes")
    value = network.builder.emit("fill", shape=tuple(size for size in shape if size is not None), value=0.0)
    return value if blob.type.dtype in FLOATS else network.builder.cast(value, blob.type.dtype)


def _while_loop(
    network: Network, params: Any, variables: Sequence[_Variable], limit: Blob | None
) -> tuple[Draft, list[_Variable]]:
    """Add the loop, and return it with its variables as their sizes are after the body."""
    builder, label = network.builder, network.builder.layer
    condition = _condition_block(network, params, variables, limit)
    builder.layer = label
    body, results = _body_block(network, params, variables)
    builder.layer = label
    outputs = [NamedType(builder.new_name().name, each.kind) for each in variables]
    inputs = {"loop_vars": tuple(each.first.argument for each in variables)}
    draft = Draft("while_loop", inputs, outputs, label, (condition, body))
    builder.drafts.append(draft)
    fitted = [
        _Variable(each.name, each.first, _common_type(each.inside(Name("")), result))
        for each, result in zip(variables, results, strict=True)
    ]
    return draft, fitted


def _entered(network: Network, variables: Sequence[_Variable]) -> tuple[Network, list[NamedType]]:
    """Return the scope of a block whose inputs are the variables, and these inputs."""
    inner = network.within()
    inputs = []
    for each in variables:
        blob = each.inside(network.builder.new_name())
        inner.blobs[each.name] = blob
        inputs.append(_named(blob))
    return inner, inputs


def _condition_block(network: Network, params: Any, variables: Sequence[_Variable], limit: Blob | None) -> DraftBlock:
    builder = network.builder
    with builder.block() as drafts:
        inner, inputs = _entered(network, variables)
        terms = []
        if params.conditionVar:
            inner.lower(params.conditionNetwork.layers)
            if params.conditionVar not in inner.blobs:
                raise builder.fault(f"the condition {params.conditionVar!r}, which no layer gives")
            terms.append(_predicate(inner, inner.blobs[params.conditionVar]))
        if limit is not None:
            goes_on = builder.emit("less", x=inner.blobs[_COUNT], y=limit)
            terms.append(builder.emit("reshape", x=goes_on, shape=()))
        if any(each.name == BROKEN for each in variables):
            goes_on = builder.emit("equal", x=inner.blobs[BROKEN], y=0.0)
            terms.append(builder.emit("reshape", x=goes_on, shape=()))
        result = terms[0]
        for each in terms[1:]:
            result = builder.emit("logical_and", x=result, y=each)
        result = builder.emit("identity", x=result)
    return DraftBlock(inputs, drafts, [result])


def _body_block(network: Network, params: Any, variables: Sequence[_Variable]) -> tuple[DraftBlock, list[Blob]]:
    builder = network.builder
    with builder.block() as drafts:
        inner, inputs = _entered(network, variables)
        given = {name for each in params.conditionNetwork.layers for name in each.output}
        if given & names_used(params.bodyNetwork.layers):
            inner.lower(params.conditionNetwork.layers)
        inner.lower(params.bodyNetwork.layers)
        if _COUNT in inner.blobs:
            inner.blobs[_COUNT] = builder.emit("add", x=inner.blobs[_COUNT], y=1.0)
        results = [builder.cast(inner.blobs[each.name], each.kind.dtype) for each in variables]
    return DraftBlock(inputs, drafts, results), results


def names_used(layers: Iterable[Any]) -> set[str]:
    """Return the names that layers take as inputs, those within branches and loops among them."""
    found: set[str] = set()
    for each in layers:
        found.update(each.input)
        for inner in _inner(each):
            found |= names_used(inner.layers)
        if each.WhichOneof("layer") == "loop" and each.loop.conditionVar:
            found.add(each.loop.conditionVar)
    return found


_PARTS: Mapping[str, tuple[str, ...]] = {
    "branch": ("ifBranch", "elseBranch"),
    "loop": ("conditionNetwork", "bodyNetwork"),
}


def _inner(layer: Any) -> list[Any]:
    kind = layer.WhichOneof("layer") or ""
    return [getattr(getattr(layer, kind), part) for part in _PARTS.get(kind, ())]
