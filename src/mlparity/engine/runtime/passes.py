"""What is done to the steps of a function before they run: one list of passes over one draft."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from mlparity.engine.mil.dtypes import FLOATS
from mlparity.engine.mil.program import Function, Op, TensorType, ValueType
from mlparity.engine.numerics import Numerics, Profile
from mlparity.engine.runtime.crossings import Crossings, names_of
from mlparity.engine.runtime.fold import fold_constants, with_wide_constants, without_unused
from mlparity.engine.runtime.fuse import without_inner_stores
from mlparity.engine.runtime.interpret import with_runs
from mlparity.engine.runtime.liveness import with_frees
from mlparity.engine.runtime.optimised.choose import with_optimised_steps
from mlparity.engine.runtime.optimised.silu import with_silus
from mlparity.engine.runtime.plan import Step
from mlparity.engine.runtime.shapes import check_shapes
from mlparity.engine.runtime.unit_steps import as_units_do, caching_weights


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """The steps of a function, or of a block, on their way to a plan.

    `initial` holds the constants by slot, None elsewhere, and `constant` the slots that they are in. `declared` is the
    type of each slot, `kept` are the slots that outlive the run, and `profile_of` gives each op's profile; all hold
    values in the type of `profile`. `crossing_of` gives the profile that says where a network's values are rounded.
    """

    function: Function
    profile: Profile
    profile_of: Callable[[Op], Profile]
    crossing_of: Callable[[Op], Profile]
    steps: tuple[Step, ...]
    initial: tuple[object, ...]
    constant: frozenset[int]
    declared: Mapping[int, ValueType]
    kept: frozenset[int]

    @property
    def constants(self) -> dict[int, object]:
        """The constants by slot."""
        return {slot: self.initial[slot] for slot in self.constant}


class Pass(NamedTuple):
    """A step of the way, by name; with `is_optimising` only plans for predictions take it."""

    name: str
    apply: Callable[[Draft], Draft]
    is_optimising: bool = False


def run_passes(draft: Draft, *, optimised: bool) -> Draft:
    """Return the draft after all passes, those that optimise only where that is asked for.

    Raises:
        FormatError: a declared shape is wrong.
    """
    for run in PASSES:
        if optimised or not run.is_optimising:
            draft = run.apply(draft)
    return draft


def _round_once(draft: Draft) -> Draft:
    return replace(draft, steps=without_inner_stores(draft.steps, draft.function, draft.profile_of))


def _round_reads(draft: Draft) -> Draft:
    if not draft.function.is_untyped:
        return draft
    crossings = Crossings(
        lambda op: numerics_of(op, draft.profile_of(op)),
        lambda op: numerics_of(op, draft.crossing_of(op)),
        list(draft.initial),
        set(draft.constant),
        dict(draft.declared),
        dict(names_of(draft.steps)),
    )
    steps = tuple(crossings.steps(draft.steps))
    return replace(
        draft,
        steps=steps,
        initial=tuple(crossings.initial),
        constant=frozenset(crossings.constant),
        declared=crossings.declared,
    )


def _follow_units(draft: Draft) -> Draft:
    whole = {slot for slot, kind in draft.declared.items() if isinstance(kind, TensorType) and kind.dtype not in FLOATS}
    steps = as_units_do(draft.steps, lambda op: numerics_of(op, draft.profile_of(op)), draft.constants, whole)
    return replace(draft, steps=steps)


def _check_shapes(draft: Draft) -> Draft:
    check_shapes(draft.function, draft.steps, draft.constants, len(draft.initial), draft.profile)
    return draft


def _fold(draft: Draft) -> Draft:
    count, compute = len(draft.initial), draft.profile.compute
    steps, initial = fold_constants(draft.steps, draft.constants, count, draft.kept, compute)
    return replace(draft, steps=steps, initial=initial)


def _cache_weights(draft: Draft) -> Draft:
    return replace(draft, steps=caching_weights(draft.steps, draft.initial))


def _merge_silus(draft: Draft) -> Draft:
    return replace(draft, steps=with_silus(draft.steps, draft.kept))


def _choose_optimised(draft: Draft) -> Draft:
    return replace(draft, steps=with_optimised_steps(draft.steps, draft.initial, draft.kept, draft.declared))


def _widen_constants(draft: Draft) -> Draft:
    used = without_unused(draft.steps, draft.initial, draft.kept)
    return replace(draft, initial=with_wide_constants(draft.steps, used, draft.kept, draft.profile.compute))


def _free(draft: Draft) -> Draft:
    return replace(draft, steps=with_frees(draft.steps, draft.kept))


def _finish(draft: Draft) -> Draft:
    return replace(draft, steps=with_runs(draft.steps))


PASSES = (
    Pass("round a producer and its activation once", _round_once),
    Pass("round what a unit reads of a network's wider values", _round_reads),
    Pass("do what each unit does apart from its arithmetic", _follow_units),
    Pass("check shapes", _check_shapes),
    Pass("fold constants", _fold),
    Pass("keep what products make of weights", _cache_weights),
    Pass("compute a sigmoid and its product at once", _merge_silus, is_optimising=True),
    Pass("choose optimised steps", _choose_optimised, is_optimising=True),
    Pass("widen the constants that are left", _widen_constants, is_optimising=True),
    Pass("free each value after its last use", _free),
    Pass("make each step runnable", _finish),
)
"""In their order: shapes are checked on what units do, and only what folding leaves is optimised."""


def numerics_of(op: Op, profile: Profile) -> Numerics:
    """Return the numerics of an op's results in a profile: those of the first floating one."""
    types = [output.type.dtype for output in op.outputs if isinstance(output.type, TensorType)]
    floats = [name for name in types if name in FLOATS]
    return profile.numerics(floats[0] if floats else "")
