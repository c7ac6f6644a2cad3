"""Keeps the key-value caches of language models out of the outputs: they are objects, not tensors."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import nn


def without_cache(module: nn.Module, forward_names: tuple[str, ...]) -> tuple[nn.Module, Mapping[str, object]]:
    """Return a module that returns no cache, and the constant keyword arguments to call it with.

    A model of `transformers` whose config has `use_cache` is called with `use_cache=False` where forward has that
    parameter; elsewhere the setting is changed in a copy. Other modules are returned as they are.
    """
    if not _caches(module):
        return module, {}
    if "use_cache" in forward_names:
        return module, {"use_cache": False}
    silent = copy.deepcopy(module)
    for part in silent.modules():
        if _caches(part):
            part.config.use_cache = False  # type: ignore[union-attr]
    return silent, {}


def _caches(module: nn.Module) -> bool:
    return getattr(getattr(module, "config", None), "use_cache", None) is True
