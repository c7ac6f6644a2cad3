"""A function and a profile to a plan: every op looked up, every argument bound once, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from mlparity.core.errors import FormatError, UnsupportedOpError
from mlparity.engine.mil.dtypes import FLOATS
from mlparity.engine.mil.program import Argument, Function, Interface, Name, NamedType, Op, Program, TensorType, Value
from mlparity.engine.numerics import Numerics, Profile
from mlparity.engine.ops.registry import OpDef, Rounding, find
from mlparity.engine.runtime.fold import fold_constants, without_unused
from mlparity.engine.runtime.fuse import without_inner_stores
from mlparity.engine.runtime.kernels import with_kernels
from mlparity.engine.runtime.liveness import with_frees
from mlparity.engine.runtime.plan import Feed, Plan, Step, Store
from mlparity.engine.runtime.schema import Kind, schema_of
from mlparity.engine.runtime.shapes import check_shapes
from mlparity.engine.runtime.tensors import held_type, python_value, tensor_from

_CPU = torch.device("cpu")
_NO_CHOICES: Mapping[str, Profile] = MappingProxyType({})


def bind(
    program: Program,
    profile: Profile,
    function: str | None = None,
    device: torch.device = _CPU,
    *,
    kernels: bool = False,
    profiles: Mapping[str, Profile] = _NO_CHOICES,
    shared: dict[str, Tensor] | None = None,
) -> Plan:
    """Return the plan that runs `function` (the program's default where None) in the numerics of `profile`.

    `profiles` gives single ops, by their first output's name, a profile of their own; all must hold values in the same
    type. Plans of one function that are given the same dictionary as `shared` hold their constants once.
    With `kernels` faster twins of steps are used where there are any; such a plan has no gradient (see `kernels`).

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
    bound = program.functions[name]
    binder = _Binder(bound, profile, device, profiles, {} if shared is None else shared)
    steps = without_inner_stores(binder.steps(), bound, binder.profile_of)
    kept = binder.output_slots()
    constants = binder.constant_slots()
    check_shapes(bound, steps, constants, len(binder.slots), profile)
    steps, initial = fold_constants(steps, constants, len(binder.slots), kept)
    if kernels:
        steps = with_kernels(
            steps, initial, kept, {slot: binder.types[name].type for name, slot in binder.slots.items()}
        )
        initial = without_unused(steps, initial, kept)
    return _plan(binder, program.interfaces[name], with_frees(steps, kept), initial)


def _plan(binder: _Binder, interface: Interface, steps: tuple[Step, ...], initial: tuple[object, ...]) -> Plan:
    function = binder.function
    return Plan(
        function=function,
        interface=interface,
        profile=binder.profile,
        device=binder.device,
        steps=steps,
        initial=initial,
        inputs={each.name: (binder.slots[each.name], each) for each in function.inputs},
        outputs={name: (binder.slots[name], binder.types[name]) for name in function.body.outputs},
    )


@dataclass(slots=True)
class _Binder:
    """The names of one function on their way to slots."""

    function: Function
    profile: Profile
    device: torch.device
    profiles: Mapping[str, Profile]
    tensors: dict[str, Tensor]
    fed: set[str] = field(default_factory=set)
    slots: dict[str, int] = field(default_factory=dict)
    types: dict[str, NamedType] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)

    def profile_of(self, op: Op) -> Profile:
        return self.profiles.get(op.outputs[0].name, self.profile) if op.outputs else self.profile

    def steps(self) -> tuple[Step, ...]:
        for each in self.function.inputs:
            self._define(each)
        for op in self.function.body.ops:
            for each in op.outputs:
                self._define(each)
        body = self.function.body.ops
        self.values = {op.outputs[0].name: op.attributes["val"] for op in body if _is_constant(op)}
        return tuple(self._step(op) for op in body if not _is_constant(op))

    def constant_slots(self) -> Mapping[int, object]:
        """Return the constants that some step feeds on as tensors, by slot."""
        return {self.slots[name]: self.tensors[name] for name in self.fed}

    def output_slots(self) -> frozenset[int]:
        """Return the slots of the outputs; an output that is a constant becomes a tensor here."""
        for name in self.function.body.outputs:
            if name in self.values:
                self._tensor(name)
        return frozenset(self.slots[name] for name in self.function.body.outputs)

    def _define(self, each: NamedType) -> None:
        self.slots[each.name] = len(self.slots)
        self.types[each.name] = each

    def _step(self, op: Op) -> Step:
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
        profile = self.profile_of(op)
        stores = tuple(self._store(each, definition, profile) for each in op.outputs)
        if schema.takes_num:
            constants["num"] = _numerics(op, profile)
        return Step(op, definition, definition.fn, constants, tuple(feeds), stores)

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
        types = [self.types[each.name].type if isinstance(each, Name) else each.type for each in arguments]
        tensors = [isinstance(each, TensorType) and each.dtype != "string" for each in types]
        if not arguments or (kind is Kind.TENSOR and tensors != [True]) or (kind is Kind.TENSORS and not all(tensors)):
            raise FormatError(
                f"the input {key!r} of op {op.type!r} is not what its definition takes",
                where=f"op {op.location!r}",
                found=", ".join(map(str, types)) if types else "nothing",
                expected=str(kind),
                next_step="the file is corrupt: convert again",
            )

    def _bind(self, arguments: tuple[Argument, ...], kind: Kind) -> object:
        """Return the value of a constant argument, or a nameless feed for one that is made at run time."""
        constant = [self._constant(each) for each in arguments]
        if kind in (Kind.SCALAR, Kind.TUPLE) and None not in constant:
            return python_value([each.data for each in constant if each is not None], kind)
        return Feed("", tuple(self._slot(each) for each in arguments), kind)

    def _constant(self, argument: Argument) -> Value | None:
        return self.values.get(argument.name) if isinstance(argument, Name) else argument

    def _slot(self, argument: Argument) -> int:
        if isinstance(argument, Name):
            if argument.name in self.values:
                self._tensor(argument.name)
            return self.slots[argument.name]
        name = f"<immediate {len(self.slots)}>"
        self._define(NamedType(name, argument.type))
        self.values[name] = argument
        self._tensor(name)
        return self.slots[name]

    def _tensor(self, name: str) -> None:
        value = self.values[name]
        self.fed.add(name)
        if name in self.tensors:
            return
        if isinstance(value.data, np.ndarray) and isinstance(value.type, TensorType):
            self.tensors[name] = tensor_from(value.data, value.type.dtype, self.profile.compute, self.device)
        else:
            self.tensors[name] = value.data  # type: ignore[assignment]  # strings and lists pass as they are

    def _store(self, output: NamedType, definition: OpDef, profile: Profile) -> Store:
        slot = self.slots[output.name]
        if not isinstance(output.type, TensorType) or output.type.dtype == "string":
            return Store(slot, output, None, None)
        held = held_type(output.type.dtype, self.profile.compute)
        numerics = profile.numerics(output.type.dtype)
        rounds = definition.rounding is not Rounding.NONE and numerics.grid is not None
        return Store(slot, output, held, numerics if rounds and output.type.dtype in FLOATS else None)


def _numerics(op: Op, profile: Profile) -> Numerics:
    types = [each.type.dtype for each in op.outputs if isinstance(each.type, TensorType)]
    floats = [name for name in types if name in FLOATS]
    return profile.numerics(floats[0] if floats else "")


def _is_constant(op: Op) -> bool:
    return op.type == "const" and "val" in op.attributes and bool(op.outputs)
