"""Feeds an output of one run as an input of the next: a recurrent model over a sequence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlparity.core.errors import ExecutionError, InputError
from mlparity.core.session import Closing, Outputs, Sample, Session, Signature
from mlparity.sessions.checked import run_checked


class CarryingSession(Closing):
    """A session whose `carry` (output name to input name) outputs become inputs of its next run.

    The first run takes the sample's value, or zeros of the signature's shape where the sample has none. Later runs
    ignore the sample's value. Two sessions each carry their own state, so their differences add up as they do in use.
    """

    def __init__(self, session: Session, carry: Mapping[str, str]) -> None:
        """Check that the names exist.

        Raises:
            InputError: `carry` names an input that the session does not have, or one input twice.
        """
        self._session, self._carry = session, dict(carry)
        self._held: dict[str, np.ndarray] = {}
        _check_names(session, self._carry)

    @property
    def signature(self) -> Signature:
        """The outputs of the inner session; no inputs, because a sample may leave the carried ones out."""
        return Signature((), self._session.signature.outputs)

    @property
    def runtime(self) -> str:
        """The inner session's runtime."""
        return self._session.runtime

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample, and keep the carried ones for the next run.

        Raises:
            InputError: the sample does not fit, or the first one has no state and the signature tells no shape.
            ExecutionError: the runtime fails, or gives no output of a carried name.
        """
        outputs = run_checked(self._session, {**self._complete(sample), **self._held})
        missing = [name for name in self._carry if name not in outputs]
        if missing:
            raise ExecutionError(
                f"there is no output {', '.join(missing)} to carry",
                where=self.runtime,
                found=", ".join(outputs),
                next_step="name an output of the source",
            )
        self._held = {goes_to: outputs[comes_from] for comes_from, goes_to in self._carry.items()}
        return outputs

    @property
    def inner(self) -> Session:
        """The session that runs."""
        return self._session

    @property
    def held(self) -> dict[str, np.ndarray]:
        """The state that the next run takes, by input name; empty before the first run."""
        return self._held

    def restore(self, held: Mapping[str, np.ndarray]) -> None:
        """Take up a state that another session of the same model held."""
        self._held = dict(held)

    def reset(self) -> None:
        """Forget the state: the next run is a first one."""
        self._held = {}

    def close(self) -> None:
        """Close the inner session and forget the state."""
        self.reset()
        self._session.close()

    def _complete(self, sample: Sample) -> Sample:
        lacking = [
            spec
            for spec in self._session.signature.inputs
            if spec.name in self._carry.values() and spec.name not in sample
        ]
        unknown = [spec.name for spec in lacking if spec.shape is None or None in spec.shape or not spec.dtype]
        if unknown and not self._held:
            raise InputError(
                "the first state is not known",
                where=f"input {', '.join(unknown)}, {self.runtime}",
                expected="a value in the first sample, because the runtime does not tell the input's shape",
            )
        return {**sample, **{spec.name: _zeros(spec.shape, spec.dtype) for spec in lacking if not self._held}}


def _zeros(shape: tuple[int | None, ...] | None, dtype: str) -> np.ndarray:
    return np.zeros(tuple(size for size in shape or () if size is not None), dtype)


def _check_names(session: Session, carry: Mapping[str, str]) -> None:
    inputs = [spec.name for spec in session.signature.inputs]
    targets = list(carry.values())
    if len(set(targets)) == len(targets) and set(targets) <= set(inputs):
        return
    raise InputError(
        "the state cannot be carried",
        where=session.runtime,
        found=", ".join(f"{output} to {name}" for output, name in carry.items()),
        expected=f"each of the inputs {', '.join(inputs)} at most once",
    )
