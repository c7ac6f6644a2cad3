"""Functions of other packages that tell what they were called with: the traces and the conversions of a script.

A function is replaced in its module while a block runs; the module of one that is imported later is changed then.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Takes a function and returns what stands in its place."""


@contextmanager
def replaced(wraps: Mapping[str, Wrap]) -> Iterator[None]:
    """Replace functions, named such as `coremltools.convert`, while the block runs; none is imported for it."""
    undo: list[Callable[[], None]] = []

    def change(owner: Any, name: str, wrap: Wrap) -> None:
        original = getattr(owner, name, None)
        if callable(original):
            setattr(owner, name, wrap(original))
            undo.append(lambda: setattr(owner, name, original))

    waiting: dict[str, list[tuple[str, Wrap]]] = {}
    for path, wrap in wraps.items():
        home, _, name = path.rpartition(".")
        owner = _loaded(home)
        if owner is not None:
            change(owner, name, wrap)
        else:
            waiting.setdefault(home, []).append((name, wrap))
    finder = _Finder(waiting, change)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for restore in reversed(undo):
            restore()


def _loaded(path: str) -> Any:
    """Return a module that is imported, or a class of one; None where it is not."""
    outer, _, name = path.rpartition(".")
    return sys.modules.get(path) or getattr(sys.modules.get(outer), name, None)


class _Finder(MetaPathFinder):
    """Changes a module once it has been loaded by whoever loads it."""

    def __init__(self, waiting: Mapping[str, list[tuple[str, Wrap]]], change: Callable[[Any, str, Wrap], None]) -> None:
        self._waiting, self._change, self._busy = waiting, change, False

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        """Find one of the modules that are waited for as the others do, and have it changed when it is loaded."""
        if fullname not in self._waiting or self._busy:
            return None
        self._busy = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy = False
        if spec is not None and spec.loader is not None:
            self._after_loading(spec.loader, self._waiting[fullname])
        return spec

    def _after_loading(self, loader: Any, wraps: list[tuple[str, Wrap]]) -> None:
        execute = loader.exec_module

        def executed(module: ModuleType) -> None:
            execute(module)
            for name, wrap in wraps:
                self._change(module, name, wrap)

        loader.exec_module = executed
