"""One artifact beside its source on one sample: what may be run of both, and the causes that are made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from mlparity.core.budget import count_run
from mlparity.core.change import Change
from mlparity.core.trace import SourceTrace
from mlparity.diagnose.distance import Tensors, distance
from mlparity.diagnose.origins import origins_of
from mlparity.diagnose.other_weights import Weights
from mlparity.diagnose.substitution import values_of
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation

AGREES = 2e-6
"""The distance that counts as agreement: what fp32 explains, of the output's scale (assumed; see `ladder`)."""

KEPT = 5
"""How many ops a cause names."""


@dataclass(frozen=True, slots=True, eq=False)
class Rungs:
    """What is needed to explain one artifact on one sample; outputs go by the graph's names.

    `numerics` and `exact` are plans of the artifact without kernels. `expected` are the source's outputs, `floor` the
    distance that its own rounding explains. The functions run the source again, and return None where they cannot:
    traced in fp64, in training mode, with its weights rounded to fp16, with a change, without PyTorch's fast path, of
    which `fast_layers` are the paths. `others` are its traces on other samples, `weights` its own by their names.
    `fixed_length` runs both sides at other lengths of an input. `with_weights` gives the same of a source with other
    weights, `changed` of one with a change. `is_rest` tells that another cause is taken away already.
    `half_states` are the outputs that tell of a state in fp16, and its name, where the ops calculate in fp32.
    `restored` are the constants in whose compressed place the plans have the source's weights; None where these were
    not looked for.
    """

    numerics: Plan
    exact: Plan
    inputs: Tensors
    expected: Tensors
    floor: float
    trace: Callable[[], SourceTrace | None]
    in_training_mode: Callable[[], Tensors | None]
    with_fp16_weights: Callable[[], Tensors | None]
    rerun: Callable[[Change], Tensors | None] = lambda _: None
    by_parts: Callable[[], Tensors | None] = lambda: None
    others: Callable[[], Sequence[SourceTrace]] = tuple
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    fast_layers: tuple[str, ...] = ()
    fixed_length: Callable[[], Cause | None] = lambda: None
    with_weights: Callable[[Weights], Rungs | None] = lambda _: None
    changed: Callable[[Change], Rungs | None] = lambda _: None
    is_rest: bool = False
    half_states: Mapping[str, str] = field(default_factory=dict)
    restored: frozenset[int] | None = None

    @property
    def whole(self) -> float:
        """How far the artifact in wide arithmetic and the source are apart."""
        return distance(self.run(self.exact, self.inputs), self.expected)

    def on(self, inputs: Tensors) -> Rungs:
        """Return the same of an artifact that gets other inputs than the source."""
        return replace(self, inputs=inputs, with_weights=lambda _: None, fixed_length=lambda: None)

    def run(self, plan: Plan, inputs: Tensors) -> Tensors:
        """Return a plan's outputs that are tensors.

        Raises:
            BudgetSpentError: an explanation has taken its time.
        """
        count_run()
        width = plan.profile.compute
        held = {name: value.to(width) if value.is_floating_point() else value for name, value in inputs.items()}
        with torch.no_grad():
            found = run_plan(plan, held)
        return {name: value for name, value in found.items() if isinstance(value, Tensor)}

    def in_width(self, plan: Plan) -> Tensors:
        """Return the inputs in the storage dtype of a plan."""
        width = plan.profile.compute
        return {name: value.to(width) if value.is_floating_point() else value for name, value in self.inputs.items()}


def origins(rungs: Rungs, indices: Sequence[int]) -> dict[int, str]:
    """Return the source's op, module and line for those of the steps that have one; none without a trace."""
    trace = rungs.trace()
    if trace is None:
        return {}
    values = values_of(rungs.exact, rungs.in_width(rungs.exact))
    return {index: str(origin) for index, origin in origins_of(rungs.exact, values, trace, indices).items()}


def op_text(op: Op) -> str:
    """Return an op as a sentence names it."""
    return f"{op.type} {op.location!r}"


def located_op(op: Op, share: float | None, gone: float | None, note: str, origin: str = "") -> LocatedOp:
    """Return an op of a plan as a cause names it."""
    output = op.outputs[0].name if op.outputs else op.location
    return LocatedOp(op.type, op.location, output, origin, share, gone, note)


def cause_of(
    kind: CauseKind,
    observation: Observation,
    figures: Mapping[str, float],
    ops: tuple[LocatedOp, ...] = (),
    names: Mapping[str, str] | None = None,
) -> Cause:
    """Return a cause of one observation."""
    return Cause(kind, (Evidence(observation, figures, names or {}),), ops)
