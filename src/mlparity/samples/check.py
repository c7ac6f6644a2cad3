"""Checks a sample against the inputs that a model takes, before anything runs."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.lengths import FIXED, Flexible
from mlparity.core.session import Sample, Signature, TensorSpec


def check_sample(sample: Sample, signature: Signature, where: str = "") -> None:
    """Check names, ranks, shapes, kinds of type and finiteness against `signature.inputs`.

    A shape or type that the signature does not tell is not checked. `where` names the sample in an error.

    Raises:
        InputError: the sample does not fit; the text says what was found and what is expected.
    """
    expected = {spec.name: spec for spec in signature.inputs}
    if set(expected) != set(sample):
        raise InputError(
            "the sample's inputs are not the model's",
            where=where,
            found=", ".join(sample) or "no inputs",
            expected=", ".join(expected),
            next_step="rename the arrays; in an .npz file the names are the keys",
        )
    for name, spec in expected.items():
        _check_array(sample[name], spec, f"input {name}{f' of {where}' if where else ''}")
    check_finite(sample, where)


def signature_of(sample: Sample, flexible: Flexible = FIXED) -> Signature:
    """Return the signature that this sample has, for checking that the others are like it but for `flexible` axes."""
    return Signature(
        tuple(
            TensorSpec(name, _shape(array.shape, flexible.get(name, ())), array.dtype.name)
            for name, array in sample.items()
        )
    )


def _shape(shape: tuple[int, ...], flexible: Collection[int]) -> tuple[int | None, ...]:
    return tuple(None if axis in flexible else size for axis, size in enumerate(shape))


def check_finite(sample: Sample, where: str) -> None:
    """Refuse NaN and infinity: no two runtimes need to agree on what becomes of them.

    Raises:
        InputError: an array holds NaN or infinity; the text names it and the first index.
    """
    for name, array in sample.items():
        bad = ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(0, bool)
        if bad.any():
            first = np.argwhere(bad)[0].tolist()
            raise InputError(
                "an input holds NaN or infinity",
                where=f"input {name} of {where}" if where else f"input {name}",
                found=f"{int(bad.sum())} of {array.size} values, the first at {first}",
                expected="finite values",
                next_step="mend the sample or the preprocessing that made it",
            )


def _check_array(array: np.ndarray, spec: TensorSpec, where: str) -> None:
    shape = spec.shape
    if shape is not None and array.ndim != len(shape):
        raise InputError(
            "an input has the wrong rank",
            where=where,
            found=f"rank {array.ndim}, shape {array.shape}",
            expected=f"rank {len(shape)}, shape {_shown(shape)}",
            next_step="add or remove the batch axis" if abs(array.ndim - len(shape)) == 1 else "",
        )
    if shape is not None and any(size not in (None, found) for found, size in zip(array.shape, shape, strict=True)):
        raise InputError("an input has the wrong shape", where=where, found=str(array.shape), expected=_shown(shape))
    if spec.dtype and not np.can_cast(array.dtype, np.dtype(spec.dtype), casting="same_kind"):
        raise InputError(
            "an input has the wrong type",
            where=where,
            found=str(array.dtype),
            expected=spec.dtype,
            next_step=f"save it with .astype(np.{spec.dtype})",
        )


def _shown(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"
