"""The plausible variants of a setting: unit profiles of its processors, over the placements that ops may get."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlparity.core.errors import FormatError, InputError, UnsupportedOpError
from mlparity.core.words import Confidence
from mlparity.engine.mil.program import Function, Op, TensorType
from mlparity.engine.numerics import CHIPS, FP32, TYPED, Processor, Profile
from mlparity.engine.numerics.fp32_profiles import IEEE, fp32_profiles_of
from mlparity.engine.numerics.tf32 import Tf32
from mlparity.engine.numerics.unit_profiles import LOW_PRECISION_GPU, UnitProfile, leading, unit_profiles_of
from mlparity.engine.ops.registry import Rounding, find
from mlparity.engine.placement.compute_plan import ComputePlan
from mlparity.engine.placement.effects import Effect, Types, effect_of
from mlparity.engine.placement.eligibility import is_constant
from mlparity.engine.placement.placements import Placement, placements_of

DEFAULT_CHIP = "M4"
"""The chip of a plain prediction: the one with the most measurements of both its CPU and its Neural Engine."""

_CERTAINTY = tuple(Confidence)


@dataclass(frozen=True, slots=True)
class Choice:
    """The profile of a run, and those of single ops by their first output's name."""

    profile: Profile
    profiles: Mapping[str, Profile] = field(default_factory=dict)


Key = tuple[Effect | None, Effect | None, frozenset[str]]
"""What tells variants apart, of the ops that round: what the rest computes, what the engine does, and what is on it."""

REFERENCE: Key = (("reference",), None, frozenset())
"""The key of a variant that computes what reference arithmetic computes."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One plausible execution of a function: ops in `on_engine` by the unit profile `engine`, all others by `base`.

    `chips` are those of the asked ones that may calculate so. Ways of one function with the same `key` give the same
    numbers: it leaves out what rounds nothing. `alike` are further profiles of the same processor that compute this
    function as the first one does.
    """

    base: UnitProfile
    engine: UnitProfile | None
    placement: str
    on_engine: frozenset[str]
    chips: tuple[str, ...]
    key: Key
    alike: tuple[UnitProfile, ...] = ()

    @property
    def profiles(self) -> tuple[UnitProfile, ...]:
        """The profiles that take part in the numbers, the engine's first."""
        first = self.base if self.engine is None else self.engine
        rest = (self.base,) if self.engine is not None and self.key[0] is not None else ()
        return (first, *self.alike, *rest)

    @property
    def name(self) -> str:
        """The profiles and, where the engine takes part, the placement."""
        first = self.base if self.engine is None else self.engine
        names = " = ".join(profile.name for profile in (first, *self.alike))
        if self.engine is None:
            return names
        rest = f"; rest {self.base.name}" if self.key[0] is not None else ""
        return f"{names}, {self.placement}{rest}"

    def joined(self, other: Variant) -> Variant:
        """Return this variant, which also stands for another one of the same key."""
        first = other.base if other.engine is None else other.engine
        known = first in self.profiles
        chips = tuple(dict.fromkeys((*self.chips, *other.chips)))
        return replace(self, chips=chips, alike=self.alike if known else (*self.alike, first))

    @property
    def choice(self) -> Choice:
        """The profiles that `bind` takes."""
        if self.engine is None:
            return Choice(self.base.profile)
        return Choice(self.base.profile, dict.fromkeys(self.on_engine, self.engine.profile))

    def is_of(self, function: Function) -> bool:
        """Return whether its arithmetic is of the values that a function has: of fp16 ones, or of fp32 ones alone."""
        return is_emulated(function) or "fp32" in self.base.profile.arithmetics

    @property
    def confidence(self) -> Confidence:
        """The least of the profiles' own."""
        return max((Confidence(choice.profile.confidence) for choice in self.profiles), key=_CERTAINTY.index)


def is_emulated(function: Function) -> bool:
    """Return whether any op rounds to fp16: in fp32 all processors calculate alike, up to the order of sums.

    Of a network's values, which have no declared type, it is so on GPU and Neural Engine.

    Source: https://apple.github.io/coremltools/docs-guides/source/typed-execution.html, and the same top classes of
    80,040 images on CPU and GPU in fp32 (apple/coremltools#2625).
    """
    return bool(_that_round(function))


def variants_of(function: Function, unit: str, chips: Sequence[str], *, fast: bool) -> tuple[Variant, ...]:
    """Return the variants that differ, for a function that is emulated; `unit` is Core ML's name of the setting.

    CPU_ONLY takes the CPU's profiles, but for a network none: there the CPU emulates nothing. CPU_AND_GPU takes the
    GPU's beside them, because small models stay on the CPU. CPU_AND_NE takes the Neural Engine's over their
    placements, with the CPU's leading unit profile for the rest, and the CPU's. ALL takes all of these, and the GPU's
    leading unit profile for the rest.
    """
    if function.is_untyped and unit == "CPU_ONLY":
        return ()
    asked = _Asked(function, tuple(chips), fast, _that_round(function), _declared(function))
    distinct: dict[Key, Variant] = {}
    for variant in _UNITS[unit](asked):
        distinct[variant.key] = distinct[variant.key].joined(variant) if variant.key in distinct else variant
    return tuple(distinct.values())


def fp32_variants_of(function: Function, unit: str, chips: Sequence[str], *, fast: bool) -> tuple[Variant, ...]:
    """Return the variants of a function that is not emulated, none where `unit` has no GPU: the CPU's fp32 is IEEE's.

    The first is what reference arithmetic computes. A function without matrix products has none in TF32.
    """
    if unit not in ("CPU_AND_GPU", "ALL"):
        return ()
    has_products = any(op.type in _MATRIX_PRODUCTS for op in function.walk())
    found: list[Variant] = []
    for profile in fp32_profiles_of(chips, fast=fast):
        if isinstance(profile.profile.arithmetics["fp32"].products, Tf32) and not has_products:
            continue
        key: Key = REFERENCE if profile is IEEE else ((profile.name,), None, frozenset())
        stands_for = tuple(chip for chip in chips if CHIPS[chip].stands_for in profile.chips)
        found.append(Variant(profile, None, "none", frozenset(), stands_for, key))
    return tuple(found)


_MATRIX_PRODUCTS = frozenset({"linear", "matmul", "einsum", "scaled_dot_product_attention"})


def pinned_variants(function: Function, plan: ComputePlan, *, fast: bool) -> tuple[Variant, ...]:
    """Return the variants of the placement that a Mac saved: the profiles of its processors on its chip.

    An op that the plan does not name runs on the CPU. The profiles of one processor vary, with the leading one of the
    other.

    Raises:
        FormatError: the plan is of another program, or divides the ops that round among three processors.
    """
    plan.check(function)
    asked = _Asked(function, (plan.chip,), fast, _that_round(function), _declared(function))
    groups: dict[Processor, set[str]] = {}
    for name in asked.that_round:
        groups.setdefault(plan.processors.get(name, Processor.CPU), set()).add(name)
    if len(groups) > 2:
        raise FormatError("the compute plan divides the model among three processors", expected="one or two")
    rest = min(groups, key=tuple(Processor).index)
    others = [group for group in groups if group is not rest]
    if not others:
        return tuple(asked.alone(unit_profile, chips) for unit_profile, chips in asked.profiles(rest))
    (other,) = others
    placement = Placement("as saved", frozenset(groups[other]))
    pairs = [(asked.leading(rest, plan.chip), unit_profile) for unit_profile, _ in asked.profiles(other)]
    pairs += [(unit_profile, asked.leading(other, plan.chip)) for unit_profile, _ in asked.profiles(rest)]
    distinct = (asked.divided(base, unit_profile, placement, (plan.chip,)) for base, unit_profile in pairs)
    return tuple({variant.key: variant for variant in distinct}.values())


def _declared(function: Function) -> Types:
    declared = {named.name: named.type for named in function.inputs}
    return declared | {output.name: output.type for op in function.walk() for output in op.outputs}


def ideal_choice(function: Function) -> Choice:
    """Return what a function runs in apart from any unit: its declared types, fp32 where it declares none."""
    return Choice(FP32 if function.is_untyped else TYPED)


def plain_choice(
    function: Function, unit: str, chip: str | None = DEFAULT_CHIP, *, low_precision: bool = False
) -> Choice:
    """Return what a plain prediction runs in: leading profiles, and where `unit` has the engine all eligible ops there.

    It is the reference arithmetic where `chip` is None, and for a function that is not emulated. With `low_precision`
    the GPU may sum in fp16.
    """
    if chip is None or not is_emulated(function):
        return ideal_choice(function)
    processor = Processor.GPU if unit in ("CPU_AND_GPU", "ALL") else Processor.CPU
    base = leading(processor, chip, is_untyped=function.is_untyped)
    if low_precision and processor is Processor.GPU:
        base = LOW_PRECISION_GPU
    if unit in ("CPU_ONLY", "CPU_AND_GPU"):
        return Choice(base.profile)
    on_engine = placements_of(function, chip)[0].on_engine
    return Choice(base.profile, dict.fromkeys(on_engine, leading(Processor.NE, chip).profile))


def every_chip() -> tuple[str, ...]:
    """Return the chips that have evidence of their own, and those alone."""
    return tuple(name for name, chip in CHIPS.items() if chip.stands_for == name)


def check_chips(chips: Sequence[str]) -> tuple[str, ...]:
    """Return the chips, each once.

    Raises:
        InputError: none, or one of which nothing is known.
    """
    unknown = [chip for chip in chips if chip not in CHIPS]
    if unknown or not chips:
        raise InputError(
            f"nothing is known of the chip {unknown[0]!r}" if unknown else "no chip is named",
            expected=", ".join(CHIPS),
            next_step="name some of these",
        )
    return tuple(dict.fromkeys(chips))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A function, the chips and profiles that are asked for, and the ops that round, by their first output."""

    function: Function
    chips: tuple[str, ...]
    fast: bool
    that_round: Mapping[str, Op]
    declared: Types

    def profiles(self, processor: Processor) -> Iterable[tuple[UnitProfile, tuple[str, ...]]]:
        """Yield each unit profile with those of the asked chips that it stands for."""
        untyped = self.function.is_untyped
        for unit_profile in unit_profiles_of(processor, chips=self.chips, fast=self.fast, is_untyped=untyped):
            yield unit_profile, tuple(chip for chip in self.chips if CHIPS[chip].stands_for in unit_profile.chips)

    def leading(self, processor: Processor, chip: str) -> UnitProfile:
        """Return the unit profile of `processor` that the evidence favours for `chip`."""
        return leading(processor, chip, is_untyped=self.function.is_untyped)

    def alone(self, base: UnitProfile, chips: tuple[str, ...]) -> Variant:
        return Variant(base, None, "none", frozenset(), chips, (self.effect(base, self.that_round), None, frozenset()))

    def divided(self, base: UnitProfile, engine: UnitProfile, placement: Placement, chips: tuple[str, ...]) -> Variant:
        on_engine = frozenset(placement.on_engine & self.that_round.keys())
        rest = self.that_round.keys() - on_engine
        key = (self.effect(base, rest), self.effect(engine, on_engine), on_engine)
        return Variant(base, engine, placement.name, placement.on_engine, chips, key)

    def effect(self, unit_profile: UnitProfile, outputs: Iterable[str]) -> Effect | None:
        ops = [self.that_round[name] for name in outputs]
        return effect_of(unit_profile, ops, self.declared) if ops else None


def _alone(processor: Processor) -> Callable[[_Asked], Iterator[Variant]]:
    return lambda asked: (asked.alone(unit_profile, chips) for unit_profile, chips in asked.profiles(processor))


def _placed(rest: Processor) -> Callable[[_Asked], Iterator[Variant]]:
    def variants(asked: _Asked) -> Iterator[Variant]:
        for unit_profile, chips in asked.profiles(Processor.NE):
            for chip in chips:
                for placement in placements_of(asked.function, chip):
                    if placement.on_engine:
                        yield asked.divided(asked.leading(rest, chip), unit_profile, placement, chips)

    return variants


def _all(*parts: Callable[[_Asked], Iterator[Variant]]) -> Callable[[_Asked], Iterator[Variant]]:
    return lambda asked: (variant for part in parts for variant in part(asked))


_CPU, _GPU = _alone(Processor.CPU), _alone(Processor.GPU)

_UNITS: Mapping[str, Callable[[_Asked], Iterator[Variant]]] = {
    "CPU_ONLY": _CPU,
    "CPU_AND_GPU": _all(_GPU, _CPU),
    "CPU_AND_NE": _all(_placed(Processor.CPU), _CPU),
    "ALL": _all(_placed(Processor.CPU), _placed(Processor.GPU), _GPU, _CPU),
}


def _that_round(function: Function) -> dict[str, Op]:
    """Return the ops whose fp16 results are rounded, by their first output; a cast rounds alike everywhere."""
    return {
        op.outputs[0].name: op
        for op in function.walk()
        if not is_constant(op) and op.type != "cast" and _rounds(op, function.opset)
    }


def _rounds(op: Op, opset: int) -> bool:
    if not any(isinstance(output.type, TensorType) and output.type.dtype == "fp16" for output in op.outputs):
        return False
    try:
        return find(op.type, opset).rounding is not Rounding.NONE
    except UnsupportedOpError:  # control flow and states round nothing of their own; of other ops `bind` tells
        return False
