"""Runs one sample on any session: fits the inputs to the signature, checks the outputs, wraps the runtime's errors."""

from __future__ import annotations

import numpy as np

from mlparity.core.errors import ExecutionError, InputError, MlparityError
from mlparity.core.session import Outputs, Sample, Session, TensorSpec


def run_checked(session: Session, sample: Sample) -> Outputs:
    """Return the outputs of one sample, in the signature's order where it tells one.

    Inputs are cast to the signature's types within their kind (int64 to int32, bool to a number), when no value
    changes by more than rounding. A signature without inputs takes any sample.

    Raises:
        InputError: an input is missing, unknown, or of another rank, shape or kind, or a value does not fit.
        ExecutionError: the runtime failed, or gave outputs that its signature does not promise.
    """
    feeds = fitted(sample, session.signature.inputs, session.runtime)
    try:
        outputs = session.run(feeds)
    except MlparityError:
        raise
    except Exception as error:
        shapes = ", ".join(f"{name} {value.dtype} {value.shape}" for name, value in feeds.items())
        raise ExecutionError(
            f"{session.runtime} failed", where=f"inputs {shapes}", found=f"{type(error).__name__}: {error}"
        ) from error
    return _promised(outputs, session.signature.outputs, session.runtime)


def fitted(sample: Sample, specs: tuple[TensorSpec, ...], where: str) -> Sample:
    """Return the sample with each array in its spec's type and order.

    Raises:
        InputError: an input is missing, unknown, or of another rank, shape or kind, or a value does not fit.
    """
    if not specs:
        return sample
    names = tuple(spec.name for spec in specs)
    needed = {spec.name for spec in specs if not spec.is_optional}
    if not needed <= set(sample) <= set(names):
        raise InputError(
            "wrong input names",
            where=where,
            found=", ".join(sample),
            expected=", ".join(names),
            next_step="name the arrays of each sample as the model names its inputs",
        )
    return {spec.name: _as_specified(sample[spec.name], spec, where) for spec in specs if spec.name in sample}


def fits(shape: tuple[int, ...], wanted: tuple[int | None, ...] | None) -> bool:
    """Tell whether a shape is one that a spec's shape allows."""
    if wanted is None:
        return True
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(size in (None, found) for found, size in pairs)


def _as_specified(array: np.ndarray, spec: TensorSpec, owner: str) -> np.ndarray:
    where = f"input {spec.name}, {owner}"
    if array.ndim == 0 and spec.shape == (1,):
        array = array.reshape(1)  # Core ML has no scalars; a converted one is an array of one element
    if not fits(array.shape, spec.shape):
        raise InputError(
            "wrong input shape",
            where=where,
            found=str(array.shape),
            expected=str(spec.shape),
            next_step=f"give an array of the expected shape{', or leave the input out' if spec.is_optional else ''}",
        )
    if not spec.dtype or array.dtype == np.dtype(spec.dtype):
        return array
    wanted = np.dtype(spec.dtype)
    if not np.can_cast(array.dtype, wanted, casting="same_kind"):
        raise InputError(
            "wrong input type",
            where=where,
            found=str(array.dtype),
            expected=spec.dtype,
            next_step="give an array of the expected type: array.astype(...)",
        )
    with np.errstate(over="ignore"):
        cast = array.astype(wanted)
    if not _same_values(array, cast):
        raise InputError(
            "a value does not fit the input's type",
            where=where,
            found=str(array.dtype),
            expected=spec.dtype,
            next_step="give values that the expected type holds",
        )
    return cast


def _same_values(array: np.ndarray, cast: np.ndarray) -> bool:
    if cast.dtype.kind == "f":
        return bool(np.array_equal(np.isfinite(array), np.isfinite(cast)))
    return bool(np.array_equal(array, cast))


def _promised(outputs: Outputs, specs: tuple[TensorSpec, ...], runtime: str) -> Outputs:
    if not specs:
        return outputs
    missing = [spec.name for spec in specs if spec.name not in outputs]
    if missing:
        raise ExecutionError(
            f"{runtime} gave no {', '.join(missing)}",
            found=", ".join(outputs),
            expected=", ".join(s.name for s in specs),
        )
    ordered = {spec.name: outputs[spec.name] for spec in specs}
    for spec in specs:
        found = ordered[spec.name]
        if not fits(found.shape, spec.shape) or (spec.dtype and found.dtype != np.dtype(spec.dtype)):
            raise ExecutionError(
                f"{runtime} gave another output than its signature promises",
                where=f"output {spec.name}",
                found=f"{found.dtype} {found.shape}",
                expected=f"{spec.dtype or 'any type'} {spec.shape if spec.shape is not None else 'of any shape'}",
            )
    return ordered
