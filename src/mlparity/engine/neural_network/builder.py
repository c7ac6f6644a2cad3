"""`Builder` collects the ops that layers become, and knows of each value its type and what is known before a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from mlparity.core.errors import FormatError, MlparityError, UnsupportedOpError
from mlparity.engine.mil.program import (
    Argument,
    Block,
    Name,
    NamedType,
    Op,
    OtherType,
    TensorType,
    Value,
)
from mlparity.engine.neural_network.blob import EXACT, FLOATS, FLOW, Blob, Trial
from mlparity.engine.neural_network.stand_ins import shapes_in
from mlparity.engine.neural_network.trial_shapes import KNOWN, common_shape, results_in
from mlparity.engine.ops.registry import OpDef, find
from mlparity.engine.ops.schema import Kind, schema_of

OPSET = 16
"""The opset whose definitions networks are written in: the last in which a negative index counts from the end when
values are scattered, as networks have it, and with boxes of rank 5 to crop."""

MOVES = frozenset(
    {"concat", "expand_dims", "flatten2d", "gather", "gather_along_axis", "gather_nd", "identity", "reshape", "reverse"}
) | {"slice_by_index", "slice_by_size", "split", "squeeze", "stack", "tile", "transpose"}
"""Ops that only move values: of exact ones they give exact ones."""

Given = Blob | Sequence[Blob] | np.ndarray | float | int | bool | str | Sequence[int] | Sequence[bool] | None
"""What an input of an op may be: values of the network, or a constant that the specification holds."""

_HOLDERS = {FLOW: np.float32, "int32": np.int32, "bool": np.bool_}
_MIL_TYPES = {"f": FLOW, "i": "int32", "u": "int32", "b": "bool"}


@dataclass(slots=True)
class Draft:
    """An op before its outputs have their names."""

    type: str
    inputs: dict[str, tuple[Argument, ...]]
    outputs: list[NamedType]
    location: str
    blocks: tuple[DraftBlock, ...] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class DraftBlock:
    """A block of an op before its values have their names."""

    inputs: list[NamedType]
    drafts: list[Draft]
    outputs: list[Blob]


@dataclass(slots=True)
class Builder:
    """The ops so far, and the layer that is being written, whose name ops and errors take.

    `trials` counts the choices of input sizes that are followed; with `is_assumed` the file leaves them open, and what
    does not fit those that were chosen is left to the run. Names of values are numbers until `finished` gives each
    its own.
    """

    path: Path
    trials: int
    is_assumed: bool = False
    layer: str = ""
    kind: str = ""
    drafts: list[Draft] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    count: int = 0
    flows: dict[str, Blob] = field(default_factory=dict)

    def emit(self, op: str, **given: Given) -> Blob:
        """Add an op with one result, and return that.

        Raises:
            FormatError: the op's inputs do not fit it.
        """
        (result,) = self.emit_many(op, 1, **given)
        return result

    def emit_many(self, op: str, results: int, **given: Given) -> tuple[Blob, ...]:
        """Add an op with several results, and return those.

        Raises:
            FormatError: as `emit`.
        """
        definition = self._definition(op)
        kinds = schema_of(definition.fn).kinds
        fed: dict[str, Sequence[Blob]]
        fed = {name: self._fed(value, kinds[name]) for name, value in given.items() if value is not None}
        is_known = all(each.is_known for values in fed.values() for each in values)
        fed = {name: self._flowing(op, values, kinds[name], fed, is_known=is_known) for name, values in fed.items()}
        trials = [self._tried(definition, fed, trial) for trial in range(self.trials)]
        made = [self._made(index, trials, is_known=is_known or self._is_exact(op, fed)) for index in range(results)]
        if any(None in each.trials for each in made):
            shapes = shapes_in(definition, fed, results)
            made = [each.shaped(shape) for each, shape in zip(made, shapes, strict=False)]
        inputs = {name: tuple(each.argument for each in values) for name, values in fed.items()}
        self.drafts.append(Draft(op, inputs, [_named(each) for each in made], self.layer or op))
        return tuple(made)

    def _definition(self, op: str) -> OpDef:
        return find(op, OPSET)

    def _tried(self, definition: OpDef, fed: Mapping[str, Sequence[Blob]], trial: int) -> tuple[Trial, ...] | None:
        """Return the results in one trial; one that is stated must fit, another that does not is followed no longer."""
        given = {name: [each.trials[trial] for each in values] for name, values in fed.items()}
        try:
            return results_in(definition, given)
        except MlparityError:
            raise
        except Exception as error:  # torch and numpy raise many types for inputs that do not fit
            if trial > 0 or self.is_assumed:
                return None
            shapes = ", ".join(f"{name} {each.type}" for name, values in fed.items() for each in values)
            raise self.fault(f"inputs that do not fit it: {error}", shapes) from error

    def _made(self, index: int, trials: Sequence[tuple[Trial, ...] | None], *, is_known: bool) -> Blob:
        values = tuple(None if trial is None else trial[index] for trial in trials)
        first = values[0]
        dtype = FLOW if first is None else _MIL_TYPES[np.dtype(str(first.dtype).removeprefix("torch.")).kind]
        dtype = EXACT if dtype == FLOW and is_known and first is not None else dtype
        return Blob(self.new_name(), TensorType(dtype, common_shape(values)), values)

    def new_name(self) -> Name:
        """Return a name that nothing has."""
        self.count += 1
        return Name(f"#{self.count}")

    def _fed(self, value: Given, kind: Kind) -> tuple[Blob, ...]:
        if isinstance(value, Blob):
            return (value,)
        if kind is Kind.TENSORS and isinstance(value, Sequence):
            return tuple(each if isinstance(each, Blob) else self.constant(np.asarray(each)) for each in value)
        return (self.literal(value),)

    @staticmethod
    def _is_exact(op: str, fed: Mapping[str, Sequence[Blob]]) -> bool:
        return op in MOVES and not any(each.type.dtype == FLOW for values in fed.values() for each in values)

    def _flowing(
        self, op: str, values: Sequence[Blob], kind: Kind, fed: Mapping[str, Sequence[Blob]], *, is_known: bool
    ) -> Sequence[Blob]:
        """Return the values as the op computes them: what is not exact by itself flows."""
        is_tensor = kind in (Kind.TENSOR, Kind.TENSORS)
        if op == "cast" or not is_tensor or is_known or self._is_exact(op, fed):
            return values
        return tuple(self.flow(each) if each.type.dtype == EXACT else each for each in values)

    def flow(self, blob: Blob) -> Blob:
        """Return a floating value as it flows: in the type that each unit holds its own way."""
        if blob.type.dtype == FLOW:
            return blob
        key = blob.name
        if key in self.flows:
            return self.flows[key]
        flowing = TensorType(FLOW, blob.type.shape)
        if isinstance(blob.argument, Value):
            return replace(blob, argument=Value(flowing, blob.argument.data), type=flowing)
        cast = self.emit("cast", x=blob, dtype=FLOW)
        self.drafts[-1].outputs[0] = NamedType(self.drafts[-1].outputs[0].name, flowing)
        made = replace(cast, type=flowing)
        if key:
            self.flows[key] = made
        return made

    def real(self, blob: Blob) -> Blob:
        """Return a value as floating numbers: whole numbers and conditions become such."""
        return blob if blob.type.dtype in FLOATS else self.cast(blob, EXACT if blob.is_known else FLOW)

    def index(self, blob: Blob) -> Blob:
        """Return a value as whole numbers: fractions are cut off (assumed)."""
        return blob if blob.type.dtype == "int32" else self.cast(blob, "int32")

    def truth(self, blob: Blob) -> Blob:
        """Return a value as conditions: all but zero is true."""
        return blob if blob.type.dtype == "bool" else self.emit("not_equal", x=self.real(blob), y=0.0)

    def cast(self, blob: Blob, dtype: str) -> Blob:
        """Return a value as the MIL type `dtype`."""
        made = self.emit("cast", x=blob, dtype=dtype)
        kind = TensorType(dtype, made.type.shape)
        self.drafts[-1].outputs[0] = NamedType(self.drafts[-1].outputs[0].name, kind)
        return replace(made, type=kind)

    def literal(self, value: object) -> Blob:
        """Return a parameter of an op: a number, a word, or several."""
        if isinstance(value, str):
            return Blob(Value(TensorType("string", ()), value), TensorType("string", ()), (value,) * self.trials)  # type: ignore[arg-type]
        return self._constant(np.asarray(value), EXACT)

    def constant(self, array: np.ndarray) -> Blob:
        """Return an array that the network carries as a value."""
        return self._constant(array, EXACT)

    def weight(self, array: np.ndarray, name: str) -> Blob:
        """Return an array that the network carries, as a value with a name: the layer's and `name`."""
        blob = self._constant(array, FLOW)
        made = replace(blob, argument=self.new_name())
        attributes = {"val": value} if isinstance(value := blob.argument, Value) else {}
        draft = Draft("const", {}, [_named(made)], f"{self.layer}_{name}", attributes=attributes)
        self.drafts.append(draft)
        return made

    def _constant(self, array: np.ndarray, floating: str) -> Blob:
        kind = _MIL_TYPES[array.dtype.kind]
        narrow: np.ndarray = array.astype(_HOLDERS[kind], copy=False)
        mil_type = TensorType(floating if kind == FLOW else kind, narrow.shape)
        tensor = (
            torch.from_numpy(np.array(narrow)) if narrow.size <= KNOWN else torch.empty(narrow.shape, device="meta")
        )
        return Blob(Value(mil_type, narrow), mil_type, (tensor,) * self.trials)

    @contextmanager
    def block(self, drafts: list[Draft] | None = None) -> Iterator[list[Draft]]:
        """Let ops go into a block, a new one or one that was begun, and give its list."""
        around, flows = self.drafts, self.flows
        self.drafts, self.flows = [] if drafts is None else drafts, dict(flows)
        try:
            yield self.drafts
        finally:
            self.drafts, self.flows = around, flows

    def labels(self, labels: Sequence[str] | Sequence[int]) -> Value:
        """Return the labels of a classifier as a constant."""
        if isinstance(labels[0], str):
            return Value(OtherType("list", (TensorType("string", ()),)), tuple(map(str, labels)))
        return Value(TensorType("int64", (len(labels),)), np.asarray(labels, np.int64))

    def fault(self, what: str, found: str = "", expected: str = "") -> FormatError:
        """Return the error for a layer that is not as the specification has it."""
        return FormatError(
            f"the layer {self.layer!r} ({self.kind}) has {what}",
            where=str(self.path),
            found=found,
            expected=expected,
            next_step="the file is corrupt, or the engine is at fault: convert again, or report it",
        )

    def refused(self, what: str, reason: str) -> UnsupportedOpError:
        """Return the error for a layer that the engine does not run."""
        return UnsupportedOpError(
            f"the layer {self.layer!r} ({self.kind}) {what}",
            where=str(self.path),
            found=reason,
            next_step="convert the source to an ML Program, or without this layer",
        )

    def finished(self, reserved: Iterable[str] = ()) -> tuple[Op, ...]:
        """Return the ops under the names that their values have in the end; no value is named as one of `reserved`."""
        taken = {*self.names.values(), *reserved}
        self._name_all(self.drafts, taken, {})
        return tuple(self._op(draft) for draft in self.drafts)

    def _name_all(self, drafts: Iterable[Draft], taken: set[str], counts: dict[str, int]) -> None:
        for draft in drafts:
            wanted = draft.location if draft.type == "const" else f"{draft.location}_{draft.type}"
            for block in draft.blocks:
                for each in block.inputs:
                    self.names.setdefault(each.name, _free(f"{wanted}_variable", taken, counts))
                self._name_all(block.drafts, taken, counts)
            for each in draft.outputs:
                if each.name not in self.names:
                    self.names[each.name] = _free(wanted, taken, counts)

    def _op(self, draft: Draft) -> Op:
        inputs = {name: tuple(self._final(each) for each in values) for name, values in draft.inputs.items()}
        outputs = tuple(NamedType(self.names[each.name], each.type) for each in draft.outputs)
        blocks = tuple(self._block(each) for each in draft.blocks)
        return Op(draft.type, inputs, outputs, draft.location, blocks, draft.attributes)

    def _block(self, block: DraftBlock) -> Block:
        inputs = tuple(NamedType(self.names[each.name], each.type) for each in block.inputs)
        ops = tuple(self._op(each) for each in block.drafts)
        return Block(inputs, ops, tuple(self.names[each.name] for each in block.outputs))

    def _final(self, argument: Argument) -> Argument:
        return Name(self.names[argument.name]) if isinstance(argument, Name) else argument


def _named(blob: Blob) -> NamedType:
    return NamedType(blob.name, blob.type)


def _free(wanted: str, taken: set[str], counts: dict[str, int]) -> str:
    """Return `wanted`, or that with the first number that nothing else has."""
    name = wanted
    while name in taken:
        counts[wanted] = counts.get(wanted, 0) + 1
        name = f"{wanted}_{counts[wanted]}"
    taken.add(name)
    return name
