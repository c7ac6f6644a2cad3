"""Holds each result of a conversion to the type that PyTorch gives it.

```
zeros_like(x=[bool], dtype=float32) -> [bool]                   before: the mask that is made of it inverts
cast(x=zeros_like(x=[bool]), dtype="fp32") -> [fp32]            after
```
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil import Var, types
from coremltools.converters.mil.mil.scope import ScopeInfo, ScopeSource

Convert = Callable[[Any, Any], None]


def with_declared_types(convert: Convert) -> Convert:
    """Return the lowering of one node, followed by a cast where its result is of another kind than PyTorch's.

    coremltools reads the type that a call asks for by its position, and an exported program passes it by name. The
    kinds are truth values, integers and floats; a width is chosen by the conversion. A trace does not say the types.
    """

    def converted(context: Any, node: Any) -> None:
        convert(context, node)
        declared = (getattr(node, "meta", None) or {}).get("val")
        if declared is not None and node.name in context:
            given = context[node.name]
            with mb.scope(*_scopes(node)):
                kept = _as_declared(given, declared)
            if kept is not given:
                context.add(kept, torch_name=node.name, override=True)

    return converted


def _scopes(node: Any) -> tuple[ScopeInfo, ...]:
    """Return what coremltools wants to know of every op that is made of an exported program."""
    known = ((ScopeSource.EXIR_STACK_TRACE, "stack_trace"), (ScopeSource.EXIR_DEBUG_HANDLE, "debug_handle"))
    return tuple(ScopeInfo(source=source, data=[node.meta.get(key)]) for source, key in known)


def _as_declared(given: Any, declared: Any) -> Any:
    if isinstance(given, (tuple, list)) and isinstance(declared, Sequence) and len(given) == len(declared):
        kept = [_as_declared(*pair) for pair in zip(given, declared, strict=True)]
        return given if all(map(_is_same, kept, given)) else tuple(kept)
    wanted = _wanted(declared)
    if wanted is None or not isinstance(given, Var) or _kind(given.dtype) in (None, wanted):
        return given
    return mb.cast(x=given, dtype=wanted)


def _is_same(kept: Any, given: Any) -> bool:
    return kept is given


def _wanted(declared: Any) -> str | None:
    """Return MIL's name of a tensor's kind, None for what MIL has no type for."""
    if not isinstance(declared, torch.Tensor) or declared.is_complex():
        return None
    if declared.dtype is torch.bool:
        return "bool"
    return "fp32" if declared.is_floating_point() else "int32"


def _kind(dtype: Any) -> str | None:
    tests = ((types.is_bool, "bool"), (types.is_int, "int32"), (types.is_float, "fp32"))
    return next((name for test, name in tests if test(dtype)), None)
