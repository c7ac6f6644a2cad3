"""Feeds an output of one run as an input of the next: a recurrent model over a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mlparity.core.errors import ExecutionError, InputError
from mlparity.core.session import Closing, Outputs, Sample, Session, Signature, TensorSpec
from mlparity.sessions.checked import run_checked


class CarryingSession(Closing):
    """A session whose `carry` (output name to input name) outputs become inputs of its next run.

    The first run takes the sample's value; where the sample has none, that of `initial`, or zeros of the signature's
    shape. A model's own state starts at zero whatever `initial` says. Later runs ignore the sample's value. Each
    session carries a state of its own, so differences add up as they do in use.
    """

    def __init__(
        self, session: Session, carry: Mapping[str, str], initial: Mapping[str, np.ndarray] = MappingProxyType({})
    ) -> None:
        """Check that the names exist.

        Raises:
            InputError: `carry` names an input that the session does not have, or one input twice.
        """
        self._session, self._carry, self._initial = session, dict(carry), initial
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
        outputs = run_checked(self._session, self.before(sample))
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

    def before(self, sample: Sample) -> Sample:
        """Return a sample with the state that its run would take.

        Raises:
            InputError: it is the first, has no state, and the signature tells no shape.
        """
        return {**self._complete(sample), **self._held}

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
        if self._held:
            return sample
        first = {spec.name: self._initial[spec.name] for spec in lacking if self._is_given(spec)}
        unknown = [spec.name for spec in lacking if spec.name not in first and not _is_told(spec)]
        if unknown:
            raise InputError(
                "the first state is not known",
                where=f"input {', '.join(unknown)}, {self.runtime}",
                expected="a value in the first sample, because the runtime does not tell the input's shape",
            )
        zeros = {spec.name: _zeros(spec.shape, spec.dtype) for spec in lacking if spec.name not in first}
        return {**sample, **first, **zeros}

    def _is_given(self, spec: TensorSpec) -> bool:
        return spec.name in self._initial and not spec.is_state


def restart(session: Session | None) -> None:
    """Let the state that a session carries start anew; a session that carries none stays as it is."""
    if isinstance(session, CarryingSession):
        session.reset()


def _is_told(spec: TensorSpec) -> bool:
    """Tell whether a runtime tells an input's shape and type."""
    return spec.shape is not None and None not in spec.shape and bool(spec.dtype)


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
