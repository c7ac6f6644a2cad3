"""Nested blocks at run time: `cond` and `while_loop` run steps of their own, over slots of their own.

Source of both ops: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/control_flow.py`. What a block uses from
outside comes in as values, so that a block is a function and the op that runs it is a step like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor

from mlparity.core.errors import FormatError
from mlparity.engine.mil.program import Op
from mlparity.engine.ops.schema import Kind
from mlparity.engine.runtime.frame import Frame
from mlparity.engine.runtime.plan import Step

MAX_ITERATIONS = 100_000
"""How often loops may run, those within each other together; what has not ended by then, some seconds later, is taken
for endless (assumed)."""

_rounds: ContextVar[Iterator[int] | None] = ContextVar("rounds", default=None)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One block ready to run: the slots of its inputs, of what it uses from outside, and of its results."""

    steps: tuple[Step, ...]
    initial: tuple[object, ...]
    inputs: tuple[int, ...]
    captured: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def is_pure(self) -> bool:
        """Whether every step gives the same results for the same inputs."""
        return all(step.definition.pure for step in self.steps)

    def run(self, values: Sequence[object], captured: Sequence[object]) -> tuple[object, ...]:
        """Return the block's results."""
        frame = Frame(self.steps, self.initial)
        frame.put(dict(zip((*self.inputs, *self.captured), (*values, *captured), strict=True)))
        frame.run()
        return tuple(frame.slots[slot] for slot in self.outputs)


@dataclass(frozen=True, slots=True, eq=False)
class Cond:
    """`cond`: one of two blocks, by a predicate."""

    when_true: Body
    when_false: Body

    def __call__(self, pred: bool, captured_0: Sequence[object], captured_1: Sequence[object]) -> object:
        """Return the results of the block that `pred` chooses."""
        chosen = (self.when_true, captured_0) if pred else (self.when_false, captured_1)
        return _results(chosen[0].run((), chosen[1]))


@dataclass(frozen=True, slots=True, eq=False)
class WhileLoop:
    """`while_loop`: a body that is repeated for as long as a condition on its own results holds."""

    condition: Body
    body: Body

    def __call__(
        self, loop_vars: Sequence[object], captured_0: Sequence[object], captured_1: Sequence[object]
    ) -> object:
        """Return the loop's variables, and the states that its blocks write, as the condition leaves them.

        Raises: ValueError after `MAX_ITERATIONS`.
        """
        values = tuple(loop_vars)
        with _shared_rounds() as rounds:
            for _ in rounds:
                goes_on, *states = self.condition.run(values, captured_0)
                values = (*values[: len(values) - len(states)], *states)
                if not _holds(goes_on):
                    return _results(values)
                values = self.body.run(values, captured_1)
        raise ValueError(f"the loop did not end within {MAX_ITERATIONS} iterations")


def bodies_of(step: Step) -> tuple[Body, ...]:
    """Return the blocks that a step runs; none of an op without any."""
    if isinstance(step.fn, Cond):
        return step.fn.when_true, step.fn.when_false
    return (step.fn.condition, step.fn.body) if isinstance(step.fn, WhileLoop) else ()


@contextmanager
def _shared_rounds() -> Iterator[Iterator[int]]:
    """Give a loop the rounds that are left to the loop around it, or all of them where there is none."""
    around = _rounds.get()
    if around is not None:
        yield around
        return
    rounds = iter(range(MAX_ITERATIONS))
    token = _rounds.set(rounds)
    try:
        yield rounds
    finally:
        _rounds.reset(token)


def _holds(value: object) -> bool:
    return bool(value.reshape(()).item()) if isinstance(value, Tensor) else bool(value)


def _results(values: tuple[object, ...]) -> object:
    return values if len(values) > 1 else values[0]


@dataclass(frozen=True, slots=True)
class Control:
    """How an op with two blocks is bound: the input that it takes, how, and whether its blocks take that too."""

    parameter: str
    kind: Kind
    run: Callable[[Body, Body], Cond | WhileLoop]
    is_passed_on: bool

    def check(self, op: Op) -> None:
        """Raise where `op` is not of the form that it is defined with.

        Raises:
            FormatError: another input, or not two blocks.
        """
        if set(op.inputs) != {self.parameter} or len(op.blocks) != 2:
            raise FormatError(
                f"the op {op.type!r} does not fit its definition",
                where=f"op {op.location!r}",
                found=f"inputs {', '.join(op.inputs) or 'none'}; {len(op.blocks)} blocks",
                expected=f"the input {self.parameter}; 2 blocks",
                next_step="the file is corrupt: convert again",
            )


CONTROL_FLOW: Mapping[str, Control] = {
    "cond": Control("pred", Kind.SCALAR, Cond, False),
    "while_loop": Control("loop_vars", Kind.TENSORS, WhileLoop, True),
}
