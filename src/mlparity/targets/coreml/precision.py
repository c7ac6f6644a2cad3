"""Turns a precision, and the ops that stay in fp32, into what coremltools calls compute precision."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from mlparity.core.errors import ConversionError
from mlparity.core.user_code import import_module
from mlparity.core.words import Precision
from mlparity.targets.coreml.options import CoremlOptions, OpSelector


def compute_precision(coremltools: Any, options: CoremlOptions) -> Any:
    """Return `FLOAT32`, `FLOAT16`, or fp16 with the ops that `fp32_ops` selects in fp32; None for a network.

    Raises:
        ConversionError: an entry of `fp32_ops` names a function that cannot be found.
    """
    if options.precision is Precision.NEURAL_NETWORK:
        return None
    if options.precision is Precision.FP32:
        return coremltools.precision.FLOAT32
    if not options.fp32_ops:
        return coremltools.precision.FLOAT16
    keeps = _selector(options.fp32_ops)
    return coremltools.transform.FP16ComputePrecision(op_selector=lambda op: not keeps(op))


def described(entries: Sequence[str | OpSelector]) -> str:
    """Return the entries in one line, a function by its name."""
    return ", ".join(
        entry if isinstance(entry, str) else getattr(entry, "__qualname__", repr(entry)) for entry in entries
    )


def _selector(entries: Sequence[str | OpSelector]) -> OpSelector:
    names = frozenset(entry for entry in entries if isinstance(entry, str) and ":" not in entry)
    functions = tuple(
        _imported(entry) if isinstance(entry, str) else entry
        for entry in entries
        if not isinstance(entry, str) or ":" in entry
    )
    return lambda op: _is_named(op, names) or any(function(op) for function in functions)


def _is_named(op: Any, names: frozenset[str]) -> bool:
    own = {op.op_type, *_as_written(op.name, "op_")}
    return not names.isdisjoint(own.union(*(_as_written(output.name, "var_") for output in op.outputs)))


def _as_written(name: str, prefix: str) -> set[str]:
    """Return a name and what it becomes in the package: letters, digits and underscores, no digit first.

    Source: coremltools 9.0, converters/mil/mil/passes/defs/preprocess.py, `NameSanitizer`.
    """
    plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
    return {name, f"{prefix}{plain}" if plain[:1].isdigit() else plain}


def _imported(spec: str) -> OpSelector:
    module, _, name = spec.rpartition(":")
    try:
        selector = attrgetter(name)(import_module(module))
    except (ImportError, AttributeError, OSError) as error:
        raise ConversionError(
            f"{spec} names no function to select fp32 ops",
            found=f"{type(error).__name__}: {error}",
            expected="package.module:function, a MIL op type, or the name of an op or its output",
            next_step="check that the module can be imported from where mlparity runs",
        ) from error
    if not callable(selector):
        raise ConversionError(f"{spec} is no function", found=type(selector).__name__, expected="a function of one op")
    return lambda op: bool(selector(op))
