"""A function and a profile to a plan: every op looked up, every argument bound once, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from mlparity.core.errors import FormatError, UnsupportedOpError
from mlparity.engine.mil.dtypes import FLOATS
from mlparity.engine.mil.program import (
    Argument,
    Block,
    Function,
    Interface,
    Name,
    NamedType,
    Op,
    OtherType,
    Program,
    TensorType,
    Value,
    ValueType,
)
from mlparity.engine.numerics import REFERENCE, Profile
from mlparity.engine.ops.registry import OpDef, Rounding, find
from mlparity.engine.ops.schema import Kind, python_value, schema_of
from mlparity.engine.runtime.blocks import CONTROL_FLOW, Body
from mlparity.engine.runtime.memory import keep_freed_memory
from mlparity.engine.runtime.passes import Draft, numerics_of, run_passes
from mlparity.engine.runtime.plan import Feed, Plan, Step, Store
from mlparity.engine.runtime.states import held_by, is_state, state_slots, written_states
from mlparity.engine.runtime.tensors import narrow_tensor_from, storage_dtype, widened
from mlparity.engine.runtime.unit_steps import PRODUCTS

_CPU = torch.device("cpu")
_NO_CHOICES: Mapping[str, Profile] = MappingProxyType({})

_IN_FP64 = frozenset({"glmRegressor", "featureVectorizer"})
"""The kinds of models that compute in fp64 on every unit (assumed, see `neural_network.linear_model`)."""


def bind(
    program: Program,
    profile: Profile,
    function: str | None = None,
    device: torch.device = _CPU,
    *,
    kernels: bool = False,
    profiles: Mapping[str, Profile] = _NO_CHOICES,
    shared: dict[str, Tensor] | None = None,
    crossings: tuple[Profile, Mapping[str, Profile]] | None = None,
) -> Plan:
    """Return the plan that runs `function` (the program's default where None) in the numerics of `profile`.

    A linear model computes in fp64 in any profile. `profiles` gives single ops, by their first output's name, a profile
    of their own; all must hold values in the same type. Plans of one function that are given the same dictionary as
    `shared` hold their constants once. `crossings` are a profile and profiles by which a network's values are rounded
    on their way to an op, for a plan that has to have the same steps as another; without it they are the plan's own.
    With `kernels` optimised steps are used where there are any; such a plan has no gradient (see `optimised`).

    Raises:
        UnsupportedOpError: the engine lacks an op; the text names op, opset and location.
        FormatError: no such function, an op's inputs do not fit its definition, or a declared shape is wrong.
    """
    name = program.default_function if function is None else function
    if name not in program.functions or name not in program.interfaces:
        raise FormatError(
            f"the model has no function {name!r}",
            where=str(program.path),
            found=", ".join(sorted(program.functions)),
            next_step="pass one of these names",
        )
    keep_freed_memory()
    tensors = {} if shared is None else shared
    if program.kind in _IN_FP64:
        profile, profiles, crossings = REFERENCE, _NO_CHOICES, None
    binder = _Binder(program.functions[name], profile, device, kernels, profiles, tensors, crossings)
    steps, initial = binder.bound()
    return replace(_plan(binder, program.interfaces[name], steps, initial), weights=program.weights)


def _plan(binder: _Binder, interface: Interface, steps: tuple[Step, ...], initial: tuple[object, ...]) -> Plan:
    function = binder.function
    _check_outputs(function, binder.types)
    states = {name for name in binder.inputs if is_state(binder.types[name].type)}
    described = {state.name: state.shape for state in interface.states}
    return Plan(
        function=function,
        interface=interface,
        profile=binder.profile,
        device=binder.device,
        steps=steps,
        initial=initial,
        inputs={name: (slot, binder.types[name]) for name, slot in binder.inputs.items() if name not in states},
        outputs={name: (binder.slots[name], binder.types[name]) for name in function.body.outputs},
        states={
            name: state_slots(
                binder.types[name], slot, binder.slots[name], binder.profile.compute, described.get(name, ())
            )
            for name, slot in binder.inputs.items()
            if name in states
        },
    )


def _check_outputs(function: Function, types: Mapping[str, NamedType]) -> None:
    """Raise where an output is nothing that an app could be given.

    Raises:
        FormatError: a list or a state.
    """
    for name in function.body.outputs:
        kind = types[name].type
        if isinstance(kind, OtherType) and kind.kind in (Kind.LIST, Kind.STATE):
            raise FormatError(
                f"the output {name!r} is no array, label or dictionary",
                found=str(kind),
                next_step="the file is corrupt: convert again",
            )


def _profile_of(op: Op, profile: Profile, profiles: Mapping[str, Profile]) -> Profile:
    return profiles.get(op.outputs[0].name, profile) if op.outputs else profile


@dataclass(slots=True)
class _Binder:
    """The names of one function, or of one nested block, on their way to slots.

    A state is a value: each write gives it a new slot, and `slots` holds the newest. `inputs` and `captured` hold
    the slots that inputs, and names from around a block, have as a run starts.
    """

    function: Function
    profile: Profile
    device: torch.device
    kernels: bool
    profiles: Mapping[str, Profile]
    tensors: dict[str, Tensor]
    crossings: tuple[Profile, Mapping[str, Profile]] | None = None
    fed: set[str] = field(default_factory=set)
    count: int = 0
    slots: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    captured: dict[str, int] = field(default_factory=dict)
    types: dict[str, NamedType] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def profile_of(self, op: Op) -> Profile:
        return _profile_of(op, self.profile, self.profiles)

    def crossing_of(self, op: Op) -> Profile:
        return self.profile_of(op) if self.crossings is None else _profile_of(op, *self.crossings)

    def bound(self) -> tuple[tuple[Step, ...], tuple[object, ...]]:
        """Return the steps after all passes, and the slots as a run starts."""
        steps, kept = self.steps(), self.output_slots()
        constants = self.constant_slots()
        draft = Draft(
            function=self.function,
            profile=self.profile,
            profile_of=self.profile_of,
            crossing_of=self.crossing_of,
            steps=steps,
            initial=tuple(constants.get(slot) for slot in range(self.count)),
            constant=frozenset(constants),
            declared={slot: self.types[name].type for name, slot in self.slots.items()},
            kept=kept,
        )
        done = run_passes(draft, optimised=self.kernels)
        return done.steps, done.initial

    def steps(self) -> tuple[Step, ...]:
        self.inputs = {named.name: self._define(named) for named in self.function.inputs}
        body = self.function.body.ops
        for op in body:
            for output in op.outputs:
                self._define(output)
        self.values |= {op.outputs[0].name: op.attributes["val"] for op in body if _is_constant(op)}
        return tuple(self._step(op) for op in body if not _is_constant(op))

    def constant_slots(self) -> Mapping[int, object]:
        """Return the constants that some step feeds on as tensors, by slot."""
        return {self.slots[name]: self.tensors[name] for name in self.fed}

    def output_slots(self) -> frozenset[int]:
        """Return the slots of the outputs and states; an output that is a constant becomes a tensor here."""
        states = [named.name for named in self.function.inputs if is_state(named.type)]
        return frozenset(self._slot(Name(name)) for name in (*self.function.body.outputs, *states))

    def _define(self, named: NamedType) -> int:
        slot, self.count = self.count, self.count + 1
        self.slots[named.name], self.types[named.name] = slot, named
        return slot

    def _step(self, op: Op) -> Step:
        if op.type in CONTROL_FLOW:
            return self._control_flow(op)
        definition = self._find(op)
        schema = schema_of(definition.fn)
        self._check_names(op, definition)
        constants: dict[str, object] = {}
        feeds = []
        for key, arguments in op.inputs.items():
            self._check_types(op, key, arguments, schema.kinds[key])
            bound = self._bind(arguments, schema.kinds[key])
            if isinstance(bound, Feed):
                feeds.append(Feed(key, bound.slots, bound.kind))
            else:
                constants[key] = bound
        numerics = numerics_of(op, self.profile_of(op)) if schema.takes_num else None
        return Step(op, definition, definition.fn, constants, tuple(feeds), self._stores(op, definition), numerics)

    def _stores(self, op: Op, definition: OpDef) -> tuple[Store, ...]:
        """Return where results go; each state that `op` writes is a result too, and has a new slot from here on."""
        profile = self.profile_of(op)
        results = [self._store(self.slots[output.name], output, definition, profile) for output in op.outputs]
        states = [self._store(self._define(state), held_by(state), definition, profile) for state in self._written(op)]
        return (*results, *states)

    def _written(self, op: Op) -> list[NamedType]:
        known = [self.types[name] for name in written_states((op,)) if name in self.types]
        return [state for state in known if is_state(state.type)]

    def _control_flow(self, op: Op) -> Step:
        """Return the step of an op whose blocks were bound to slots of their own."""
        control, states = CONTROL_FLOW[op.type], self._written(op)
        control.check(op)
        carried = states if control.is_passed_on else []
        blocks = [self._block(block, carried, states) for block in op.blocks]
        values = (*op.inputs[control.parameter], *(Name(state.name) for state in carried))
        feeds = [Feed(control.parameter, tuple(self._slot(value) for value in values), control.kind)]
        for index, (_, outer) in enumerate(blocks):
            feeds.append(Feed(f"captured_{index}", tuple(self._named(name) for name in outer), Kind.TENSORS))
        first, second = (body for body, _ in blocks)
        definition = OpDef(op.type, 15, Rounding.NONE, control.run(first, second), first.is_pure and second.is_pure)
        return Step(op, definition, definition.fn, {}, tuple(feeds), self._stores(op, definition))

    def _block(self, block: Block, carried: list[NamedType], states: list[NamedType]) -> tuple[Body, tuple[str, ...]]:
        """Return the block bound to slots of its own, and the names from around it, in the order it takes them.

        It takes `carried` besides its own inputs, and gives back `states` besides its own outputs.
        """
        outputs = (*block.outputs, *(state.name for state in states))
        function = replace(self.function, inputs=(*block.inputs, *carried), body=replace(block, outputs=outputs))
        inner = _Binder(function, self.profile, self.device, self.kernels, self.profiles, {}, self.crossings)
        inner.types, inner.values = dict(self.types), dict(self.values)
        steps, initial = inner.bound()
        ends = tuple(inner.slots[name] for name in outputs)
        return Body(steps, initial, tuple(inner.inputs.values()), tuple(inner.captured.values()), ends), tuple(
            inner.captured
        )

    def _find(self, op: Op) -> OpDef:
        try:
            return find(op.type, self.function.opset)
        except UnsupportedOpError as error:
            raise UnsupportedOpError(
                error.what, where=f"op {op.location!r}", found=error.found, next_step=error.next_step
            ) from error

    def _check_names(self, op: Op, definition: OpDef) -> None:
        schema = schema_of(definition.fn)
        unknown = sorted(set(op.inputs) - set(schema.kinds))
        missing = [name for name in schema.required if name not in op.inputs]
        if unknown or missing:
            raise FormatError(
                f"the inputs of op {op.type!r} do not fit its definition",
                where=f"op {op.location!r}, opset iOS{self.function.opset}",
                found=", ".join([f"unknown {name!r}" for name in unknown] + [f"no {name!r}" for name in missing]),
                expected=", ".join(schema.kinds),
                next_step="the file is corrupt, or the op has a newer definition: convert again",
            )

    def _check_types(self, op: Op, key: str, arguments: tuple[Argument, ...], kind: Kind) -> None:
        types = [
            self.types[argument.name].type if isinstance(argument, Name) else argument.type for argument in arguments
        ]
        if not _fits(types, kind):
            raise FormatError(
                f"the input {key!r} of op {op.type!r} is not what its definition takes",
                where=f"op {op.location!r}",
                found=", ".join(map(str, types)) if types else "nothing",
                expected=str(kind),
                next_step="the file is corrupt: convert again",
            )

    def _bind(self, arguments: tuple[Argument, ...], kind: Kind) -> object:
        """Return the value of a constant argument, or a nameless feed for one that is made at run time."""
        constant = [self._constant(argument) for argument in arguments]
        if kind in (Kind.SCALAR, Kind.TUPLE) and None not in constant:
            return python_value([value.data for value in constant if value is not None], kind)
        return Feed("", tuple(self._slot(argument) for argument in arguments), kind)

    def _constant(self, argument: Argument) -> Value | None:
        return self.values.get(argument.name) if isinstance(argument, Name) else argument

    def _slot(self, argument: Argument) -> int:
        if isinstance(argument, Name):
            return self._named(argument.name)
        name = f"<immediate {self.count}>"
        self._define(NamedType(name, argument.type))
        self.values[name] = argument
        return self._named(name)

    def _named(self, name: str) -> int:
        """Return the slot of `name`; one from around this block gets a slot here, which `captured` remembers."""
        if name not in self.slots:
            self._define(self.types[name])
            if name not in self.values:
                self.captured[name] = self.slots[name]
        if name in self.values:
            self._tensor(name)
        return self.slots[name]

    def _tensor(self, name: str) -> None:
        """Make the constant a tensor; packed weights are widened one at a time, as they are packed."""
        value = self.values[name]
        self.fed.add(name)
        if not isinstance(value.data, np.ndarray) or not isinstance(value.type, TensorType):
            self.tensors[name] = value.data  # type: ignore[assignment]  # strings and lists pass as they are
            return
        if name not in self.tensors:
            self.tensors[name] = narrow_tensor_from(value.data, value.type.dtype, self.device)
        if not self.kernels:
            self.tensors[name] = widened(self.tensors[name], self.profile.compute)

    def _store(self, slot: int, output: NamedType, definition: OpDef, profile: Profile) -> Store:
        if not isinstance(output.type, TensorType) or output.type.dtype == "string":
            return Store(slot, output, None, None)
        held = storage_dtype(output.type.dtype, self.profile.compute)
        numerics = profile.numerics(output.type.dtype)
        is_rounded = definition.name in PRODUCTS and numerics.products.rounds
        rounds = definition.rounding is not Rounding.NONE and numerics.grid is not None and not is_rounded
        return Store(slot, output, held, numerics if rounds and output.type.dtype in FLOATS else None)


def _fits(types: Sequence[ValueType], kind: Kind) -> bool:
    """Return whether arguments of `types` are what a parameter of this kind takes."""
    tensors = [isinstance(found, TensorType) and found.dtype != "string" for found in types]
    if kind in (Kind.TENSOR, Kind.TENSORS):
        return all(tensors) and (len(tensors) == 1 or (kind is Kind.TENSORS and bool(tensors)))
    if kind in (Kind.LIST, Kind.STATE):
        return [found.kind for found in types if isinstance(found, OtherType)] == [str(kind)] and len(types) == 1
    return bool(types)


def _is_constant(op: Op) -> bool:
    return op.type == "const" and "val" in op.attributes and bool(op.outputs)
